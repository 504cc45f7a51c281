-- personal: name, email, phone
SELECT id AS customer_id, name, email, phone, language AS locale, plan,
       agreed AS consents, refused AS refusal, since
FROM people
WHERE since <= :as_of
