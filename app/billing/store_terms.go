package billing

import (
	"context"
	"encoding/json"

	"github.com/ezscale/ezscale/tenants"
)

// audit writes down who did what with the shop's money.
func audit(ctx context.Context, tx tenants.Tx, actor, action, subject string, detail any) error {
	body, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- billing.audit
		insert into audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5::jsonb)`, tx.Now(), actor, action, subject, string(body))
	return err
}
