package ledger

import (
	"context"

	"github.com/ezscale/ezscale/tenants"
)

// ExpireBonus does what is done when the bonus of a cause expires.
func ExpireBonus(ctx context.Context, tx tenants.Tx, cause string) error {
	g, err := tenants.Get[bonusGrant](ctx, tx, "bonus", bonusColumns+`where cause = $1`, cause)
	if err != nil {
		return err
	}
	return expire(ctx, tx, g)
}
