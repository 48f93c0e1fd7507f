"""Findings of the compliance packs that a sandbox does not pay for, rule by rule.

Every rule of NIST 800-53 R5, HIPAA and PCI DSS that is not listed here is a gate: a finding of it
fails the tests. A rule listed here that no longer finds anything fails them too.
"""

from __future__ import annotations

WAIVED = {
    "CloudWatchLogGroupEncrypted": "The log groups of the functions behind custom resources: they "
    "hold counts and names of what the stack owns and no data, and CloudWatch encrypts them with "
    "its own key.",
    "CodeBuildProjectSourceRepoUrl": "The rule asks for OAuth towards GitHub and Bitbucket; "
    "a source here is an object in S3, which it does not know.",
    "IAMNoInlinePolicy": "Each policy belongs to one role and goes with it; a managed policy could "
    "be attached to another role by mistake, and would count against a quota of the account.",
    "LambdaConcurrency": "Functions behind custom resources run a few times in the stack's life. "
    "Reserving concurrency takes it from the account, and a new account has too little to reserve "
    "any.",
    "LambdaDLQ": "CloudFormation waits for the function's answer and reports a missing one as a "
    "failed deployment; nobody would replay the event from a queue.",
    "LambdaInsideVPC": "The functions reach AWS's own interfaces alone, each under a role that can "
    "touch only what the stack owns; a VPC for them costs interface endpoints by the hour.",
    "S3BucketReplicationEnabled": "Replication doubles storage and needs a second Region; what "
    "lies here is made again by deploying again. Production data with a recovery objective needs "
    "it.",
    "S3DefaultEncryptionKMS": "The access-log buckets: S3 delivers access logs only to buckets "
    "that default to SSE-S3.",
}
"""Rule name without its pack -> why a sandbox does not pay for it."""

WAIVED_PACKS = ("NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321")
"""The packs that report; AwsSolutions and Serverless are gates of every synthesis."""
