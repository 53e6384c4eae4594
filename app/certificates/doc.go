// Package certificates obtains, keeps, renews and serves the TLS certificates of
// every host of the installation: the central domain, the shops below it, and the
// names that resellers bring. Certificates and the locks around their orders are in
// Postgres, so any node serves and renews them. An authority is asked only for hosts
// whose owner is proven, within limits for each name, shop and hour.
package certificates
