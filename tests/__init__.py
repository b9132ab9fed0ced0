"""The tests of cnimigrate; they mirror the packages of migrate, with the lab of real control planes beside them."""
