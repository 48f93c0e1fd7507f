-- The requests of the last day on which the two models are furthest apart: read these first.
WITH answers AS (
    SELECT
        variant,
        eventmetadata.inferenceid AS inference_id,
        capturedata.endpointinput.data AS request,
        TRY_CAST(REPLACE(capturedata.endpointoutput.data, CHR(10), '') AS DOUBLE) AS probability
    FROM captured
    WHERE hour >= DATE_FORMAT(CURRENT_TIMESTAMP - INTERVAL '1' DAY, '%Y/%m/%d/%H')
)
SELECT
    production.inference_id,
    production.probability AS told,
    shadow.probability AS untold,
    (production.probability > 0.5) <> (shadow.probability > 0.5) AS other_class,
    production.request
FROM answers AS production
INNER JOIN answers AS shadow
    ON production.inference_id = shadow.inference_id
WHERE
    production.variant = 'Production'
    AND shadow.variant = 'Shadow'
ORDER BY
    ABS(production.probability - shadow.probability) DESC,
    production.inference_id
LIMIT 20
