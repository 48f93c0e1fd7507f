"""What to know of scaling policies for endpoints."""

from catalogue.model import Availability, Confidence, Facts, InTemplate, Limit, Option, Sourced
from catalogue.sources import docs, sagemaker_guide
from stacks.deployment.inference_sources import (
    POLICY,
    PRICING,
    QUOTAS,
    READ,
    TARGET,
    TRACKING,
    TYPE_QUOTA,
)

USER_GUIDE = "autoscaling/application/userguide"
TRACKED = docs(f"{USER_GUIDE}/target-tracking-scaling-policy-overview.html", READ)
STEPPED = docs(f"{USER_GUIDE}/step-scaling-policy-overview.html", READ)
SCHEDULED = docs(f"{USER_GUIDE}/scheduled-scaling-policy-overview.html", READ)
RECURRING = docs(f"{USER_GUIDE}/scheduled-scaling-using-cron-expressions.html", READ)
SCALING_QUOTAS = docs(f"{USER_GUIDE}/application-auto-scaling-quotas.html", READ)
SUSPENDED = docs(f"{USER_GUIDE}/application-auto-scaling-suspend-resume-scaling.html", READ)
OVERVIEW = sagemaker_guide("endpoint-auto-scaling-policy.html", READ)
DEFINED = sagemaker_guide("endpoint-auto-scaling-add-code-define.html", READ)
LOAD_TEST = sagemaker_guide("endpoint-scaling-loadtest.html", READ)
METRICS = sagemaker_guide("monitoring-cloudwatch.html", READ)
UPDATE = sagemaker_guide("endpoint-scaling-update.html", READ)
ALARM = docs("AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html", READ)

FACTS = Facts(
    title="Scaling policies of an endpoint",
    tasks=("3.2",),
    c02=True,
    question="scaling policy",
    summary="Application Auto Scaling changes the instances of one real-time endpoint by a policy "
    "of choice: target tracking on invocations or on concurrent requests, steps, or the clock.",
    choose_when=(
        Sourced(
            "target tracking first: the load is proportional to the instances, and the policy "
            "makes its alarms and computes the adjustment itself",
            OVERVIEW,
        ),
        Sourced(
            "the high-resolution metric: bursts, streamed answers, requests of unequal length",
            DEFINED,
        ),
        Sourced(
            "steps: the answer depends on how far the metric is off, or capacity starts at none",
            OVERVIEW,
        ),
        Sourced(
            "a schedule: the load comes and goes by the clock, and capacity has to stand before it",
            TRACKED,
        ),
    ),
    rather_than={},
    comparison={
        "Scaling dimension": InTemplate(TARGET, "ScalableDimension"),
        "Scaling metric": InTemplate(
            POLICY, f"{TRACKING}.PredefinedMetricSpecification.PredefinedMetricType"
        ),
        "Scaling target": InTemplate(POLICY, f"{TRACKING}.TargetValue"),
        "Minimum capacity": InTemplate(TARGET, "MinCapacity", unit="instance"),
        "Maximum capacity": InTemplate(TARGET, "MaxCapacity", unit="instances"),
        "Invocations: signal": Sourced(
            "requests per instance and minute, one value a minute", METRICS
        ),
        "Concurrency: signal": Sourced(
            "requests in flight per container, those queued inside it and streams until their "
            "last token included; a value every 10 s",
            DEFINED,
        ),
        "Step: signal": Sourced("any metric, through an alarm of one's own", STEPPED),
        "Schedule: signal": Sourced("the clock, to the minute", SCHEDULED),
        "Invocations: adjustment": Sourced(
            "computed: proportional to how far the metric is above the target, rounded up", TRACKED
        ),
        "Concurrency: adjustment": Sourced(
            "computed as for invocations; scales out sooner and in at the same pace", DEFINED
        ),
        "Step: adjustment": Sourced(
            "stated per band of the breach: a number, a percentage or an exact capacity", STEPPED
        ),
        "Schedule: adjustment": Sourced(
            "new minimum and maximum; capacity outside them is brought to the nearer one, capacity "
            "between them stays",
            SCHEDULED,
        ),
        "Invocations: alarms": Sourced(
            "made, changed and deleted by Application Auto Scaling: leave them alone", TRACKED
        ),
        "Concurrency: alarms": Sourced("as for invocations", TRACKED),
        "Step: alarms": Sourced(
            "one's own, one per direction; every 10 s is possible for a high-resolution metric "
            "and costs more",
            ALARM,
        ),
        "Schedule: alarms": Sourced("none", SCHEDULED),
        "Invocations: choose the target": Sourced(
            "most requests per second that one instance sustained x 0.5 to begin with x 60",
            LOAD_TEST,
        ),
        "Scale-in of target tracking": Sourced(
            "only when the metric is usually more than 10 % below the target; never if one "
            "instance less would bring it above",
            TRACKED,
        ),
        "Several policies": Sourced(
            "out if any of them says so, in only if all of target tracking with scale-in enabled "
            "say so; of several answers the largest capacity wins",
            TRACKED,
        ),
        "Two target tracking policies on one metric": Sourced(
            "not allowed: each has to use another metric", TRACKED
        ),
        "Step beside target tracking": Sourced(
            "they fight: a scale-in by steps is not held back by the tracking policy, which then "
            "scales out again; give one of them the way in, and disable it in the other",
            TRACKED,
        ),
        "Two step policies on one metric": Sourced(
            "they flap if the way out and the way in have no margin between them: each adjustment "
            "moves the metric across the other threshold",
            STEPPED,
        ),
        "Schedule beside a policy": Sourced(
            "they add up: the schedule sets the bounds, the policy moves between them", TRACKED
        ),
        "Scale-out cooldown": Sourced(
            "300 s by default; what was added counts as capacity, so that a larger breach adds "
            "only the difference",
            TRACKED,
        ),
        "Scale-in cooldown": Sourced(
            "300 s by default; blocks further scale-in, and ends at once when something scales out",
            TRACKED,
        ),
        "Cooldown and schedule": Sourced(
            "a scheduled action does not wait for a cooldown", TRACKED
        ),
        "Warm-up of a new instance": Sourced(
            "no setting of its own: the cooldown is the time that an adjustment has to take effect",
            STEPPED,
        ),
        "Time zone": Sourced(
            "UTC by default; in a zone that is named, daylight saving time is followed", SCHEDULED
        ),
        "Missing data": Sourced(
            "the alarm has insufficient data, and nothing scales until values come", TRACKED
        ),
        "No traffic": Sourced("the metrics are zero, and it scales in to the minimum", OVERVIEW),
    },
    limits=(
        Limit(
            name="minimum capacity of a real-time variant that names a model",
            value="1: of real-time endpoints only those with inference components scale to zero",
            source=sagemaker_guide("endpoint-auto-scaling-zero-instances.html", READ),
            setting=InTemplate(TARGET, "MinCapacity"),
            minimum=1,
        ),
        Limit(
            name="instances of a new account, per endpoint and over all endpoints",
            value="4: four endpoints beside one another could not scale",
            source=QUOTAS,
            setting=InTemplate(TARGET, "MaxCapacity"),
            maximum=4,
        ),
        TYPE_QUOTA,
        Limit(
            name="policies of a scalable target, step and target tracking together",
            value="50, fixed",
            source=SCALING_QUOTAS,
        ),
        Limit(name="steps of a step policy", value="20, can be raised", source=SCALING_QUOTAS),
        Limit(
            name="bands of a step policy",
            value="no gap, no overlap; one at most without a lower and one without an upper bound",
            source=STEPPED,
        ),
        Limit(name="scheduled actions of a target", value="200, fixed", source=SCALING_QUOTAS),
        Limit(
            name="cron expression",
            value="six fields, minutes first and the year last, such as 0 18 ? * MON-FRI *",
            source=RECURRING,
        ),
        Limit(
            name="end of a recurring schedule",
            value="the bounds stay as they were set last; nothing is put back",
            source=RECURRING,
        ),
        Limit(
            name="resolution of target tracking",
            value="contradicted: a value per minute for every metric, says one page; SageMaker's "
            "guide has it scale out much sooner on the high-resolution metrics",
            source=docs(
                f"{USER_GUIDE}/target-tracking-scaling-policy-overview.html",
                READ,
                Confidence.CONFLICTING,
            ),
        ),
        Limit(
            name="period of an alarm",
            value="10, 20, 30 s or whole minutes; below an hour it looks back for a day at most",
            source=ALARM,
        ),
        Limit(
            name="instance type of a scaled variant",
            value="an update that changes it fails until the variant is deregistered; a new model "
            "is allowed",
            source=UPDATE,
        ),
        Limit(
            name="while an endpoint is updated",
            value="scaling is blocked: raise the capacity before an update at peak time",
            source=UPDATE,
        ),
        Limit(
            name="pause",
            value="scale-in, scale-out and schedules can be suspended one by one, without deleting "
            "a policy",
            source=SUSPENDED,
        ),
    ),
    billing=(
        Sourced("every instance for as long as it runs, whether requests come or not", PRICING),
        Sourced("alarms of the step policy; one with a period below a minute costs more", ALARM),
    ),
    availability=Availability(source=OVERVIEW),
    options=(
        Option(
            name="policy",
            values=("invocations", "concurrency", "step", "schedule"),
            meaning="Which policy scales; the endpoint itself stays as it is.",
        ),
    ),
    related=("realtime_endpoint", "async_endpoint", "serverless_endpoint"),
)
