package billing

import (
	"context"

	"github.com/ezscale/ezscale/tenants"
)

func advanceCounter(ctx context.Context, tx tenants.Tx, counter string, by int) (int64, error) {
	return tenants.Get[int64](ctx, tx, "counter", `-- billing.advanceCounter
		insert into counters as c (name, value) values ($1, $2)
		on conflict (name) do update set value = c.value + excluded.value
		returning value`, counter, by)
}
