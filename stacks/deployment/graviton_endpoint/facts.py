"""What to know of the processors that an endpoint can run on."""

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
from catalogue.sources import docs, sagemaker_api, sagemaker_guide
from stacks.deployment.inference_sources import CONFIG, PRICING, QUOTAS, READ, TARGET

SILICON = docs("wellarchitected/latest/machine-learning-lens/mlsus05-bp02.html", READ)
VALIDATION = sagemaker_guide("model-validation.html", READ)
METRICS = sagemaker_guide("monitoring-cloudwatch.html", READ)
COMPILED = sagemaker_guide("neo-deployment-hosting-services.html", READ)
CONTAINER = sagemaker_guide("your-algorithms-inference-code.html", READ)
VARIANT = sagemaker_api("API_ProductionVariant.html", READ)
UPDATE = sagemaker_guide("endpoint-scaling-update.html", READ)
# Copy of a post on AWS's machine learning blog, November 2022.
ANNOUNCED = Source(
    "https://cybercm.tech/blog/2022/11/14/run-machine-learning-inference-workloads-on-aws-"
    "graviton-based-instances-with-amazon-sagemaker/",
    READ,
    Confidence.SECOND_HAND,
)
PRICES = Source(
    "https://www.wring.co/blog/aws-sagemaker-inference-guide", READ, Confidence.SECOND_HAND
)
OTHER_PRICES = Source(
    "https://zircon.tech/blog/the-real-cost-of-running-ai-models-on-aws-sagemaker-inference-"
    "deep-dive",
    READ,
    Confidence.CONFLICTING,
)
NEURON = Source(
    "https://awsdocs-neuron.readthedocs-hosted.com/en/latest/containers/index.html", READ
)
KERNELS = Source("https://github.com/microsoft/onnxruntime/blob/main/docs/OperatorKernels.md", READ)


def _variant(name: str, path: str, unit: str = "") -> InTemplate:
    return InTemplate(CONFIG, f"ProductionVariants[?VariantName=='{name}'].{path} | [0]", unit=unit)


FACTS = Facts(
    title="Graviton endpoint, beside x86 and GPU",
    tasks=("3.1", "4.2"),
    c02=False,
    question="hardware",
    summary="One endpoint spreads its requests evenly over variants of one model on an x86 and a "
    "Graviton processor, and on a GPU if asked to, so that the same traffic compares them.",
    choose_when=(
        Sourced("Graviton: inference on CPUs, at the least energy for the work", SILICON),
        Sourced(
            "x86: a library or a container for Arm is missing; an image is for one of them",
            ANNOUNCED,
        ),
        Sourced(
            "GPU: most deep learning; a small model leaves it waiting, so measure first",
            docs("dlami/latest/devguide/gpu.html", READ),
        ),
        Sourced(
            "Inferentia: deep learning at scale, with a model that its compiler takes", SILICON
        ),
    ),
    rather_than={},
    comparison={
        "X86: instance type": _variant("X86", "InstanceType"),
        "Graviton: instance type": _variant("Graviton", "InstanceType"),
        "GPU: instance type": InTemplate(
            CONFIG,
            "ProductionVariants[?VariantName=='Gpu'].InstanceType | [0]",
            absent="ml.g4dn.xlarge with -c hardware=gpu",
        ),
        "Inferentia: instance type": Sourced("ml.inf2.xlarge; not deployed here", VARIANT),
        "X86: image": Sourced("built for linux/amd64", ANNOUNCED),
        "Graviton: image": Sourced(
            "built for linux/arm64: AWS's Arm containers, or one's own for Arm v8.2", ANNOUNCED
        ),
        "GPU: image": Sourced(
            "fit for nvidia-docker and without a driver, which is the instance's", CONTAINER
        ),
        "Inferentia: image": Sourced("with the Neuron SDK, as in AWS's Neuron containers", NEURON),
        "X86 and Graviton: model": Sourced("any; saved models know no processor", ANNOUNCED),
        "GPU: model": Sourced(
            "operators that have a kernel for it: ONNX Runtime's for trees are for CPUs only, "
            "elsewhere they run as tensors",
            KERNELS,
        ),
        "Inferentia: model": Sourced(
            "compiled for it beforehand; compiled for another type it may not work", COMPILED
        ),
        "Share of the traffic": _variant(
            "Graviton", "InitialVariantWeight", unit="of the sum of the weights"
        ),
        "Told apart by": Sourced("VariantName, a dimension of every metric", METRICS),
        "Scaling": InTemplate(TARGET, "MaxCapacity", unit="instances of each CPU variant"),
        "Price per hour": Sourced(
            "unconfirmed: ml.c7g.large 0.10, ml.g5.xlarge 1.21, ml.inf2.xlarge 0.76 USD; read the "
            "Price List API before relying on it",
            PRICES,
        ),
        "Price of a GPU, elsewhere": Sourced(
            "ml.g5.xlarge about 1.41 USD an hour, us-east-1", OTHER_PRICES
        ),
        "Price-performance": Sourced(
            "Graviton has the best by AWS; it is one's own model that has to be measured",
            ANNOUNCED,
        ),
        "Energy: Graviton": Sourced(
            "Graviton3 up to 60 % less than comparable instances, by AWS", SILICON
        ),
        "Energy: Inferentia": Sourced(
            "Inf2 up to 50 % better performance per watt, by AWS", SILICON
        ),
        "Energy: GPU": Sourced(
            "the most powerful instance is sometimes not the most sustainable choice", SILICON
        ),
        "Instance store": Sourced(
            "that of some Nitro instances is encrypted by their hardware, not by KmsKeyId",
            sagemaker_api("API_CreateEndpointConfig.html", READ),
        ),
        "Start": InTemplate(
            CONFIG,
            "ProductionVariants[0].ContainerStartupHealthCheckTimeoutInSeconds",
            unit="s at most until /ping answers",
        ),
        "Guardrails and shadow tests": Sourced(
            "not with Inf1; Inf2 is not excluded",
            sagemaker_guide("deployment-guardrails-exclusions.html", READ),
        ),
    },
    limits=(
        Limit(
            name="variants of an endpoint",
            value="10",
            source=sagemaker_api("API_CreateEndpointConfig.html", READ),
            setting=InTemplate(CONFIG, "length(ProductionVariants)"),
            minimum=1,
            maximum=10,
        ),
        Limit(
            name="processors of an endpoint's variants",
            value="each variant has an instance type and a model, with its image, of its own; no "
            "page tells of two architectures side by side",
            source=VALIDATION,
        ),
        Limit(
            name="instances of a new account over all endpoints",
            value="4; of ml.c6i.large, ml.c7g.large and ml.g4dn.xlarge 0 until a higher quota is "
            "granted: ask before you deploy",
            source=QUOTAS,
            setting=InTemplate(TARGET, "MaxCapacity"),
            maximum=2,
        ),
        Limit(
            name="image of a GPU instance",
            value="al2-ami-sagemaker-inference-gpu-2 has CUDA 12.2, -gpu-3-1 12.4, "
            "al2023-ami-sagemaker-inference-gpu-4-1 13.0: one whose driver suits the container",
            source=VARIANT,
        ),
        Limit(
            name="KmsKeyId beside an instance store",
            value="older pages: the configuration is refused; today's: the key does not encrypt "
            "the instance store",
            source=sagemaker_api("API_CreateEndpointConfig.html", READ, Confidence.CONFLICTING),
        ),
        Limit(
            name="instance type of a scaled variant",
            value="an update that changes it fails until the variant is deregistered from scaling",
            source=UPDATE,
        ),
        Limit(
            name="time until the container answers /ping",
            value="60 to 3600 s",
            source=VARIANT,
            setting=InTemplate(
                CONFIG, "ProductionVariants[0].ContainerStartupHealthCheckTimeoutInSeconds"
            ),
            minimum=60,
            maximum=3600,
        ),
    ),
    billing=(
        Sourced("every instance of every variant for as long as it runs", PRICING),
        Sourced(
            "what a build of each image takes of CodeBuild",
            docs("codebuild/latest/userguide/sample-docker.html", READ),
        ),
    ),
    availability=Availability(source=sagemaker_guide("realtime-endpoints.html", READ)),
    options=(
        Option(
            name="hardware",
            values=("cpu", "gpu"),
            meaning="gpu adds a variant on ml.g4dn.xlarge: mind its price and the account's quota.",
        ),
    ),
    related=("realtime_endpoint", "byoc_image", "autoscaling_policies"),
)
