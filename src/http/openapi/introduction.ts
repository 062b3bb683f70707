/** The first page of the document: what holds for all routes. CommonMark. */
export const INTRODUCTION = `Zeef finds known images: it matches the perceptual hashes and digests of your files against lists of known ones, and keeps a ledger of what matched.

**A first request.** Open *Checking*, \`POST /v1/check\`, press *Try it out*, choose an image on your disk and press *Execute*. Or with curl:

    curl --data-binary @image.jpg -H 'Content-Type: image/jpeg' -H "Authorization: Bearer $KEY" http://127.0.0.1:8080/v1/check

**Keys.** Send a key with every request: \`Authorization: Bearer zeef_...\` (the button *Authorize* on the page). A key belongs to one tenant and has scopes; each route names the scope that it
needs, and \`admin\` has them all. While no key exists, a service that listens on loopback alone answers every client of its machine without one.

| scope | allows |
| --- | --- |
| \`check\` | to check and hash images, and to read counts |
| \`check:hashes\` | to check and compare hashes |
| \`details\` | to see the distance, entry, category, severity and source of a match, and what its entry says of itself |
| \`hits\` | to read and decide the cases of the key's tenant, and its reports |
| \`lists\` | to see lists and suppressions, never their values |
| \`admin\` | everything, for every tenant |

**Errors.** Every error is a problem document (\`application/problem+json\`, RFC 9457). Its \`code\` is stable; \`details\` names the field at fault, what it got and what it takes. Parameters,
fields and methods that a route does not know are refused. An error that can pass by itself has the header \`Retry-After\`.

**Limits.** A tenant can have limits of checks a second and a day, bytes a day, different hashes a day and requests at a time. Beyond one the answer is 429, with the seconds to wait in \`Retry-After\`.
Routes that need \`admin\` have none.

**Repeating safely.** \`POST /v1/check\`, \`POST /v1/check/hashes\` and \`POST /v1/verdict\` take an \`Idempotency-Key\`: a request that is repeated with the same key within 24 hours counts once. Repeat others only where
their answer was lost.

**Support.** Every answer has \`X-Request-Id\`, which the log of the service has too.

**Versions.** Inside \`/v1\` fields and routes are added, never renamed or removed. This page describes the version that is running; the same document for generators of clients: [openapi.json](../openapi.json).`;
