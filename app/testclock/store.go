package testclock

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// Saved reads the test clock as the last run of the program left it: for
// commands that run beside it or after it. found is false in production.
func Saved(ctx context.Context, db *tenants.DB) (now time.Time, rate int, found bool, err error) {
	var saved clockRow
	if err := db.CentralRead(ctx, savedClockQ(&saved, &found)); err != nil || !found {
		return time.Time{}, 0, false, err
	}
	if saved.Rate == 1 {
		saved.At = saved.At.Add(clock.Wall{}.Now().Sub(saved.Wall))
	}
	return saved.At, saved.Rate, true, nil
}

func savedClockQ(dst *clockRow, found *bool) tenants.Query {
	return tenants.FindQ(dst, found, `-- saved clock
		select (value->>'at')::timestamptz as at, (value->>'wall')::timestamptz as wall, (value->>'rate')::int as rate
		from central.settings where key = 'test_clock'`)
}

// saveClock keeps the clock. One that stands for a step only need not wait for
// the disk: whatever is committed at that time takes it along there, so no effect
// is ever kept without its time.
func saveClock(ctx context.Context, tx tenants.CentralTx, r clockRow, passing bool) error {
	value, err := r.encode()
	if err != nil {
		return err
	}
	wait := "on"
	if passing {
		wait = "off"
	}
	_, err = tx.Exec(ctx, `-- save clock
		insert into central.settings (key, value)
		select 'test_clock', $1::jsonb where (select set_config('synchronous_commit', $2, true)) = $2
		on conflict (key) do update set value = excluded.value, updated_at = now()`, json.RawMessage(value), wait)
	return err
}
