"""An inference container for tabular models in ONNX, by SageMaker's contract.

    python -m runtime.containers.inference serve     GET /ping, POST /invocations on port 8080
    python -m runtime.containers.inference train     a training job; needs requirements-train.txt

Three parts that know each other in one direction only:

- `codec`, `model`, `steps`: bytes in, bytes out, no HTTP. `lambda_handler` uses them alone.
- `server`: the same over HTTP, on Starlette and uvicorn.
- `convert`, `train`: what makes a model; serving never imports them.

One image is three containers of a serial inference pipeline, by the variable SERVING_STEP:

    preprocess    raw rows, with an identifier in front or values missing -> complete rows, as CSV
    predict       complete rows -> one probability a row
    postprocess   what predict gave -> a label and a probability a row

CSV has no header. JSON is {"instances": [[...], ...]} in and {"predictions": [...]} out; the answer
has the type of the request unless Accept names the other one. What a request can get wrong has its
one home in `errors`; `settings` lists the variables.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""
