// Package migrations embeds the SQL that shapes the database: one set for the
// central schema, one set that every reseller's schema runs.
package migrations

import "embed"

// Central holds the migrations of the schemas central, ext and guard.
//
//go:embed central/*.sql
var Central embed.FS

// Tenant holds the migrations that run once in each reseller's schema, and in
// the empty guard schema. They name no schema of their own: the search path
// decides where they land.
//
//go:embed tenant/*.sql
var Tenant embed.FS
