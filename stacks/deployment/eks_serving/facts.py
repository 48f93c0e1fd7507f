"""What to know of serving a model on Kubernetes."""

from catalogue.model import (
    Availability,
    Confidence,
    Facts,
    InTemplate,
    Limit,
    Option,
    Source,
    Sourced,
)
from catalogue.sources import docs
from stacks.deployment.serving_sources import (
    BALANCER_PRICES,
    READ,
    WAF_PRICES,
    attribute,
    balancer,
)


def guide(page: str) -> Source:
    """A page of the EKS user guide."""
    return docs(f"eks/latest/userguide/{page}", READ)


CLUSTER = "AWS::EKS::Cluster"
MANIFESTS = "Custom::AWSCDK-EKS-KubernetesResource"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"
DEPLOYMENT = "Manifest[?kind=='Deployment'] | [0].spec"
POD = f"{DEPLOYMENT}.template.spec"
CONTAINER = f"{POD}.containers[0]"
AUTOSCALER = "Manifest[?kind=='HorizontalPodAutoscaler'] | [0].spec"
IDLE = attribute("idle_timeout.timeout_seconds", of="LoadBalancer")

AUTO = guide("automode.html")
NODES = guide("automode-learn-instances.html")
NETWORKING = guide("auto-networking.html")
POLICIES = guide("auto-net-pol.html")
TARGET_GROUPS = guide("auto-configure-alb.html")
AUTOSCALING = guide("horizontal-pod-autoscaler.html")
VERSIONS = guide("kubernetes-versions.html")
COSTS = guide("auto-cost-control.html")
CLUSTER_PRICES = Source(
    "https://aws.amazon.com/blogs/containers/"
    "amazon-eks-extended-support-for-kubernetes-versions-pricing/",
    READ,
)
# Not AWS's own page.
SURCHARGE = Source(
    "https://www.factualminds.com/blog/amazon-eks-pricing-control-plane-addons-auto-mode/",
    READ,
    Confidence.SECOND_HAND,
)


FACTS = Facts(
    title="Container on EKS Auto Mode",
    tasks=("3.1", "3.2"),
    c02=True,
    question="serving platform",
    summary="A client inside the VPC posts rows over HTTPS to an internal load balancer behind a "
    "firewall, which passes them to one of 2 to 8 pods; AWS adds, patches and removes their nodes.",
    choose_when=(
        Sourced(
            "the team has Kubernetes manifests, tools and skills, and wants to keep them", AUTO
        ),
        Sourced("models need GPU or Inferentia nodes, and several share a cluster", NODES),
        Sourced("nobody wants to choose, patch or scale the nodes of a cluster", AUTO),
    ),
    rather_than={
        "ecs_serving": "the model runs beside others that are on Kubernetes already, it needs a "
        "GPU, which Fargate does not have, or the same manifests have to run outside of AWS",
        "lambda_serving": "requests keep pods busy most of the time, a request or answer may be "
        "larger than 6 MB, an answer may take longer than 15 minutes, or the model needs a GPU",
        "edge_deployment": "callers reach AWS, and new versions and capacity have to be there "
        "within minutes",
    },
    comparison={
        "Compute": InTemplate(
            MANIFESTS,
            f"{CONTAINER}.resources.requests.cpu",
            unit="CPU requested by a pod; AWS chooses the EC2 instances to hold them",
        ),
        "Processor": InTemplate(MANIFESTS, f'{POD}.nodeSelector."kubernetes.io/arch"'),
        "GPU": Sourced(
            "yes, and Inferentia and Trainium, in a node pool of one's own: the built-in ones have "
            "none",
            COSTS,
        ),
        "Invocation": InTemplate(
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Conditions[?Field=='path-pattern'].PathPatternConfig.Values[0] | [0]",
            unit="by HTTPS POST",
        ),
        "Entry": InTemplate(
            BALANCER,
            "Scheme",
            unit="Application Load Balancer, in front of it AWS WAF; Auto Mode registers the pods",
        ),
        "Authentication": Sourced(
            "who is member of a security group; beyond that the load balancer could verify client "
            "certificates",
            balancer("mutual-authentication.html"),
        ),
        "TLS": InTemplate(
            "AWS::ElasticLoadBalancingV2::Listener",
            "SslPolicy",
            unit="up to the load balancer; HTTP from there to the pod",
        ),
        "Payload": InTemplate(
            MANIFESTS,
            f"{CONTAINER}.env[?name=='SERVING_MAX_BYTES'].value | [0]",
            unit="B by the container's own setting",
        ),
        "Processing time": InTemplate(
            BALANCER, IDLE, unit="s, the idle time-out of the load balancer"
        ),
        "Concurrency": InTemplate(
            MANIFESTS,
            f"{CONTAINER}.env[?name=='SERVING_WORKERS'].value | [0]",
            unit="worker in a pod; requests beyond it wait in the pod",
        ),
        "Scaling metric": InTemplate(
            MANIFESTS,
            f"{AUTOSCALER}.metrics[0].resource.name",
            unit="of the pods (HPA); nodes follow the pods that find no place",
        ),
        "Scaling target": InTemplate(
            MANIFESTS,
            f"{AUTOSCALER}.metrics[0].resource.target.averageUtilization",
            unit="% of what the pods request",
        ),
        "Minimum capacity": InTemplate(MANIFESTS, f"{AUTOSCALER}.minReplicas", unit="pods"),
        "Maximum capacity": InTemplate(MANIFESTS, f"{AUTOSCALER}.maxReplicas", unit="pods"),
        "Cold start": Sourced(
            "only when scaling: a pod that fits on no node waits for a new EC2 instance", NODES
        ),
        "When idle": Sourced(
            "the cluster, the minimum of pods and their nodes run and are billed; nodes without "
            "work are removed",
            AUTO,
        ),
        "Health check": InTemplate(
            MANIFESTS,
            f"{CONTAINER}.readinessProbe.httpGet.path",
            unit="asked by the node and by the load balancer; kubelet restarts the container",
        ),
        "Roll-out": InTemplate(
            MANIFESTS,
            f"{DEPLOYMENT}.strategy.rollingUpdate.maxUnavailable",
            unit="pods fewer while new ones come, one by one: rolling update",
        ),
        "Rollback": InTemplate(
            MANIFESTS,
            f"{DEPLOYMENT}.progressDeadlineSeconds",
            unit="s without progress and the roll-out has failed: the old pods stay, an alarm "
            "tells, people or a GitOps tool go back",
        ),
        "Network": Sourced(
            "private subnets and a private API; nodes get out through NAT, pods to nowhere by "
            "network policy",
            POLICIES,
        ),
        "Role of the model": Sourced(
            "none; EKS Pod Identity would give its service account a role",
            guide("pod-id-role.html"),
        ),
        "Patching": Sourced(
            "AWS patches nodes and replaces them after 21 days at the latest; the image and the "
            "next Kubernetes version are yours",
            AUTO,
        ),
        "Billing unit": Sourced(
            "the cluster by the hour; EC2 instances, with a surcharge of about 12 % for Auto Mode",
            SURCHARGE,
        ),
    },
    limits=(
        Limit(
            name="life of a node",
            value="21 days at most, or less by choice; until then a disruption budget that blocks "
            "may hold an update up",
            source=AUTO,
        ),
        Limit(
            name="access to a node",
            value="neither SSH nor SSM: NodeDiagnostic and debug containers instead",
            source=guide("auto-troubleshoot.html"),
        ),
        Limit(
            name="built-in node pools",
            value="C, M and R instances of generation 5 or newer, On-Demand only, without a "
            "ceiling: for Spot, a GPU or a ceiling on cost make a node pool of your own",
            source=COSTS,
        ),
        Limit(
            name="Kubernetes versions",
            value="14 months of standard support: 1.36 until 2027-08-02. With the upgrade policy "
            "STANDARD EKS then upgrades the cluster, with EXTENDED it costs more for 12 months",
            source=VERSIONS,
        ),
        Limit(
            name="horizontal autoscaling",
            value="does nothing without a metrics source: EKS installs no metrics server by itself",
            source=guide("metrics-server.html"),
        ),
        Limit(
            name="scaling in",
            value="by default after five minutes of less load",
            source=AUTOSCALING,
            setting=InTemplate(
                MANIFESTS, f"{AUTOSCALER}.behavior.scaleDown.stabilizationWindowSeconds"
            ),
            minimum=0,
            maximum=3600,
        ),
        Limit(
            name="network policies",
            value="are ignored until the controller is enabled by the ConfigMap amazon-vpc-cni",
            source=POLICIES,
        ),
        Limit(
            name="target group that is bound to pods",
            value="needs the tag eks:eks-cluster-name; Auto Mode deletes it with the binding or "
            "the cluster",
            source=TARGET_GROUPS,
        ),
        Limit(
            name="load balancers of Auto Mode",
            value="an Ingress or a Service makes one; those of the self-managed controller cannot "
            "be taken over",
            source=NETWORKING,
        ),
        Limit(
            name="subnets of load balancers that Auto Mode makes",
            value="need the tag kubernetes.io/role/internal-elb, public ones "
            "kubernetes.io/role/elb",
            source=guide("tag-subnets-auto.html"),
        ),
        Limit(
            name="control plane logging",
            value="up to five free addresses in each subnet to change it; delivery is best effort",
            source=guide("control-plane-logs.html"),
        ),
        Limit(
            name="pods and the instance's metadata",
            value="IMDSv2 with one hop: only with hostNetwork does a pod reach it",
            source=NODES,
        ),
        Limit(
            name="idle time-out of the load balancer",
            value="1 to 4000 s, by default 60",
            source=balancer("edit-load-balancer-attributes.html"),
            setting=InTemplate(BALANCER, IDLE),
            minimum=1,
            maximum=4000,
        ),
    ),
    billing=(
        Sourced(
            "the cluster by the hour: 0.10 USD in standard support, 0.60 USD in extended support",
            CLUSTER_PRICES,
        ),
        Sourced("EC2 instances of the nodes, with a surcharge for Auto Mode", SURCHARGE),
        Sourced("the load balancer by the hour and by the capacity units it uses", BALANCER_PRICES),
        Sourced(
            "the firewall by the month, for itself and each of its rules, and by requests",
            WAF_PRICES,
        ),
        Sourced(
            "Container Insights by the observation, and by the GB in its OpenTelemetry version",
            docs(
                "AmazonCloudWatch/latest/monitoring/install-CloudWatch-Observability-EKS-addon.html",
                READ,
            ),
        ),
    ),
    availability=Availability(source=AUTO),
    related=("realtime_endpoint",),
    options=(
        Option(
            name="certificate_arn",
            values=(),
            meaning="certificate of ACM for the listener; none lets the deployment make one",
        ),
    ),
)
