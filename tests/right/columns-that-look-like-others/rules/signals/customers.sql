-- personal: name, email, phone
SELECT id AS customer_id, name, email, phone, language AS locale, language, plan AS contents, plan AS channel, plan,
       agreed AS consents, refused AS refusals, since
FROM people
WHERE since <= :as_of
