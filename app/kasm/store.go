package kasm

import (
	"bytes"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

type serverRow struct {
	ID       uuid.UUID `db:"id"`
	Name     string    `db:"name"`
	URL      string    `db:"url"`
	Key      string    `db:"api_key"`
	Secret   []byte    `db:"api_key_secret"` // sealed
	Auth     string    `db:"auth"`
	Insecure bool      `db:"insecure"`
	Status   string    `db:"status"`
}

// same says that a client made for one row serves the other as well.
func (r serverRow) same(o serverRow) bool {
	return r.URL == o.URL && r.Key == o.Key && bytes.Equal(r.Secret, o.Secret) && r.Auth == o.Auth && r.Insecure == o.Insecure
}

func serversQ(dst *[]serverRow) tenants.Query {
	return tenants.ListQ(dst, `-- kasm.serversQ
select id, name, url, api_key, api_key_secret, auth, insecure, status from central.kasm_servers order by status = 'active' desc, created_at, name`)
}
