-- How far the shadow's answers of the last day are from those that clients got.
-- Requests are paired by the inference ID that the client sends; without one nothing is compared.
WITH answers AS (
    SELECT
        variant,
        eventmetadata.inferenceid AS inference_id,
        TRY_CAST(REPLACE(capturedata.endpointoutput.data, CHR(10), '') AS DOUBLE) AS probability
    FROM captured
    WHERE hour >= DATE_FORMAT(CURRENT_TIMESTAMP - INTERVAL '1' DAY, '%Y/%m/%d/%H')
),
pairs AS (
    SELECT
        production.variant AS production,
        shadow.variant AS shadow,
        production.probability AS told,
        shadow.probability AS untold,
        ABS(production.probability - shadow.probability) AS difference
    FROM (SELECT * FROM answers WHERE variant = 'Production') AS production
    FULL OUTER JOIN (SELECT * FROM answers WHERE variant = 'Shadow') AS shadow
        ON production.inference_id = shadow.inference_id
)
SELECT
    COUNT(difference) AS compared,
    SUM(CASE WHEN shadow IS NULL THEN 1 ELSE 0 END) AS without_shadow,
    SUM(CASE WHEN production IS NULL THEN 1 ELSE 0 END) AS without_production,
    SUM(CASE WHEN (told > 0.5) <> (untold > 0.5) THEN 1 ELSE 0 END) AS other_class,
    AVG(difference) AS mean_difference,
    APPROX_PERCENTILE(difference, 0.99) AS p99_difference,
    MAX(difference) AS largest_difference
FROM pairs
