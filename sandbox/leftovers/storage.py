"""What stores: buckets, images, file systems, volumes, snapshots and secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws import Account
from sandbox.leftovers.listed import Listed, wait_until_gone
from sandbox.leftovers.model import Cost, Leftover, StillThere
from sandbox.leftovers.network import Ec2, our_networks
from sandbox.leftovers.survey import Survey, tags_of


class Buckets(Listed):
    """Buckets of the Region, with every version of every object."""

    kind = "bucket"
    covers = ("s3:",)
    service = "s3"
    listing = ("list_buckets", "Buckets")
    id = "Name"
    since = "CreationDate"
    cost = Cost.STORED
    deletion = ("delete_bucket", "Bucket")
    removal = "empty, delete"

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields those of the survey's Region whose tags name a stack that lives no more."""
        for bucket in survey.list("s3", *self.listing, BucketRegion=survey.account.region):
            if owner := survey.owner(self.tags(survey, bucket)):
                yield self.leftover(bucket, owner.stack, owner.reason)

    def tags(self, survey: Survey, item: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns its tags, as S3 knows them."""
        return tags_of(survey.look("s3", "get_bucket_tagging", Bucket=item["Name"]))

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Empties it and deletes it."""
        # Always the first page: what came before the marker of a second one is gone by then.
        while versions := self._versions(account, leftover):
            answer = account.ask(
                "s3",
                "delete_objects",
                Bucket=leftover.id,
                Delete={"Objects": versions, "Quiet": True},
            )
            if errors := answer.get("Errors"):
                raise StillThere(
                    f"{len(errors)} of {len(versions)} object versions were not deleted, the "
                    f"first for {errors[0]['Code']}"
                )
        super().remove(account, leftover)

    def _versions(self, account: Account, leftover: Leftover) -> list[dict[str, str]]:
        page = account.ask("s3", "list_object_versions", Bucket=leftover.id)
        return [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in page.get("Versions", []) + page.get("DeleteMarkers", [])
        ]


class Repositories(Listed):
    """ECR repositories, with their images."""

    kind = "image repository"
    covers = ("ecr:repository",)
    service = "ecr"
    listing = ("describe_repositories", "repositories")
    id = "repositoryName"
    since = "createdAt"
    cost = Cost.STORED
    deletion = ("delete_repository", "repositoryName")
    removal = "with images"

    def tags(self, survey: Survey, item: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns its tags, as ECR knows them."""
        arn = item["repositoryArn"]
        return tags_of(survey.look("ecr", "list_tags_for_resource", resourceArn=arn))

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it, with its images in the same call."""
        account.ask("ecr", "delete_repository", repositoryName=leftover.id, force=True)


class FileSystems(Listed):
    """EFS, that of a Studio domain in a network of ours included.

    Studio tags its file system with its domain (ManagedByAmazonSageMakerResource, a tag that the
    managed policy AmazonSageMakerNotebooksServiceRolePolicy names): the network tells whose it is.
    """

    kind = "file system"
    covers = ("elasticfilesystem:file-system",)
    service = "efs"
    listing = ("describe_file_systems", "FileSystems")
    id = "FileSystemId"
    cost = Cost.STORED
    deletion = ("delete_file_system", "FileSystemId")
    removal = "with mounts"

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields those that have our tags, or a mount target in a network of ours."""
        networks = our_networks(survey)
        for item in survey.list(self.service, *self.listing):
            owner = survey.owners.of_tags(tags_of(item))
            if not owner and networks:
                targets = survey.look(
                    "efs", "describe_mount_targets", FileSystemId=item["FileSystemId"]
                )
                vpcs = {target.get("VpcId") for target in targets.get("MountTargets", [])}
                owner = next((networks[vpc] for vpc in networks if vpc in vpcs), None)
            if owner := survey.left(owner):
                yield self.leftover(item, owner.stack, owner.reason)

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes its mount targets, waits until they are gone, and deletes it."""

        def targets() -> list[dict[str, Any]]:
            return account.pages(
                "efs", "describe_mount_targets", "MountTargets", FileSystemId=leftover.id
            )

        for target in targets():
            account.ask("efs", "delete_mount_target", MountTargetId=target["MountTargetId"])
        wait_until_gone(targets, f"a mount target of {leftover.name}")
        super().remove(account, leftover)


class Volumes(Ec2):
    """EBS volumes."""

    kind = "volume"
    covers = ("ec2:volume",)
    listing = ("describe_volumes", "Volumes")
    id = "VolumeId"
    since = "CreateTime"
    cost = Cost.STORED
    deletion = ("delete_volume", "VolumeId")


class Snapshots(Ec2):
    """EBS snapshots of this account's."""

    kind = "snapshot"
    covers = ("ec2:snapshot",)
    listing = ("describe_snapshots", "Snapshots")
    arguments = {**Ec2.arguments, "OwnerIds": ["self"]}  # noqa: RUF012 - never changed
    id = "SnapshotId"
    since = "StartTime"
    cost = Cost.STORED
    deletion = ("delete_snapshot", "SnapshotId")


class Secrets(Listed):
    """Secrets, but for those whose deletion is scheduled."""

    kind = "secret"
    covers = ("secretsmanager:secret",)
    service = "secretsmanager"
    listing = ("list_secrets", "SecretList")
    id = "ARN"
    name = "Name"
    since = "CreatedDate"
    cost = Cost.MONTH
    deletion = ("delete_secret", "SecretId")
    removal = "in 30 days"

    def tags(self, survey: Survey, item: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG002
        """Returns its tags, which the list has."""
        return tags_of(item)
