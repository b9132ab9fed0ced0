"""Cloud identities of ServiceAccounts: a cloud trusts the issuer of one cluster's tokens, and green has another."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.model.objects import Object, annotations_of

ANNOTATIONS = {
    "eks.amazonaws.com/role-arn": "AWS",
    "iam.gke.io/gcp-service-account": "Google Cloud",
    "azure.workload.identity/client-id": "Azure",
}
"""By annotation whose identity it names: IAM roles for service accounts, and the two Workload Identities."""


def cloud_identity(account: Object) -> Iterator[str]:
    """Say which cloud has to trust green's issuer before the account's pods are let in as before."""
    for annotation, cloud in ANNOTATIONS.items():
        if name := annotations_of(account).get(annotation):
            yield f"is {name} in {cloud}, which must trust green's token issuer too ({annotation})"
