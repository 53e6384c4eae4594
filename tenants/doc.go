// Package tenants keeps resellers apart. Every reseller has a Postgres schema and
// a database role of its own; this package is the only code that names them.
//
// There are two ways to a reseller's tables, and both take a Tenant, which only
// the Registry makes: In runs a transaction, Read sends a page's queries in one
// round trip. Central and CentralRead do the same for the provider's tables. The
// pool and its connections are never handed out, and a connection that serves
// nobody looks at an empty copy of a shop on which it has no right: code that
// forgets the tenant is refused and never sees rows.
//
// Create brings a reseller into being and Migrate brings all of them to the
// newest shape. Tenants may stand at different versions for a while; one that is
// behind what this program needs is answered with fail.Unavailable.
package tenants
