-- Limits have a list of policies, and a missing list allows none. Users and keys without any limit stay without one.
UPDATE users SET limits = json_set(limits, '$.policies', 'any')
WHERE json_type(limits) = 'object' AND limits ->> '$.roles' = 'any' AND limits ->> '$.dns_names' = 'any'
    AND limits ->> '$.max_ttl' = 'any' AND limits ->> '$.max_uses' = 'any' AND limits ->> '$.persistent' = 1
    AND limits ->> '$.clusters' = 'any';
UPDATE api_keys SET limits = json_set(limits, '$.policies', 'any')
WHERE json_type(limits) = 'object' AND limits ->> '$.roles' = 'any' AND limits ->> '$.dns_names' = 'any'
    AND limits ->> '$.max_ttl' = 'any' AND limits ->> '$.max_uses' = 'any' AND limits ->> '$.persistent' = 1
    AND limits ->> '$.clusters' = 'any';
