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
    "a source here is an object in S3 or what a pipeline hands over, which it does not know.",
    "ELBDeletionProtectionEnabled": "A protected load balancer would have to be released by hand "
    "before its stack can be deleted; it holds no data, and production protects it.",
    "IAMNoInlinePolicy": "Each policy belongs to one role and goes with it; a managed policy could "
    "be attached to another role by mistake, and would count against a quota of the account.",
    "LambdaConcurrency": "Functions behind custom resources run a few times in the stack's life, "
    "and one that serves a model should follow the load. Reserving concurrency takes it from the "
    "account, and a new account has too little to reserve any.",
    "LambdaDLQ": "Every function is invoked by somebody who waits for the answer: CloudFormation, "
    "which reports a missing one as a failed deployment, or a model's client. A dead-letter queue "
    "is for asynchronous events.",
    "LambdaInsideVPC": "Functions behind custom resources reach AWS's own interfaces alone, and "
    "one that serves a model calls nobody, each under a role that can touch only what the stack "
    "owns; a VPC for them costs interface endpoints by the hour.",
    "S3BucketReplicationEnabled": "Replication doubles storage and needs a second Region; what "
    "lies here is made again by deploying again. Production data with a recovery objective needs "
    "it.",
    "S3DefaultEncryptionKMS": "The access-log buckets: S3 and Elastic Load Balancing deliver "
    "access logs only to buckets that default to SSE-S3.",
    "VPCNoUnrestrictedRouteToIGW": "Of the public subnets, which hold one NAT gateway and nothing "
    "else: nodes of Kubernetes pull the images of add-ons through it, and nothing comes in by it.",
    "VPCDefaultSecurityGroupClosed": "CloudFormation cannot empty the default group of a VPC, and "
    "CDK's function for it needs rights on every group. Nothing is in that group.",
}
"""Rule name without its pack -> why a sandbox does not pay for it."""

WAIVED_PACKS = ("NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321")
"""The packs that report; AwsSolutions and Serverless are gates of every synthesis."""
