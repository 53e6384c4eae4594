package tenants

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listen calls fn with the payload of every notification on the channel, one at a
// time, until the context ends, which is what it returns. It also calls fn, with
// an empty payload, whenever it has connected: something may have been missed.
// The connection is its own and is made again when it breaks.
func (db *DB) Listen(ctx context.Context, channel string, fn func(payload string)) error {
	for failures := 0; ; failures++ {
		began := db.cfg.Wall()
		err := db.listenOnce(ctx, channel, fn)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if db.cfg.Wall().Sub(began) > time.Minute {
			failures = 0
		}
		db.cfg.Log.Debug("listen again", "channel", channel, "error", err)
		if err := pause(ctx, backoff(100*time.Millisecond, failures)); err != nil {
			return err
		}
	}
}

func (db *DB) listenOnce(ctx context.Context, channel string, fn func(string)) error {
	cfg, err := pgx.ParseConfig(cmp.Or(db.cfg.AppURL, db.cfg.AdminURL))
	if err != nil {
		return err
	}
	configure(cfg, db.settingsFor(db.cfg.AppURL, "ezscale_app", guardPath))
	cfg.RuntimeParams["application_name"] = "ezscale listener"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "listen "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return err
	}
	fn("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		fn(n.Payload)
	}
}
