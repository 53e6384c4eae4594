package main

import (
	"context"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// demoComplete is the progress of a history that is whole.
const demoComplete = 1 << 30

// demoProgress is how many deeds of the history are done.
func (n *node) demoProgress(ctx context.Context) (done int, err error) {
	var found bool
	err = n.db.CentralRead(ctx, tenants.FindQ(&done, &found, `-- demo progress
		select (value->>'done')::int from central.settings where key = 'demo'`))
	return done, err
}

func (n *node) saveDemoProgress(ctx context.Context, done int) error {
	return n.db.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- save demo progress
			insert into central.settings (key, value) values ('demo', jsonb_build_object('done', $1::int, 'began', $2::timestamptz))
			on conflict (key) do update set value = central.settings.value || jsonb_build_object('done', $1::int)`, done, n.Now())
		return err
	})
}

// demoBegan is the business time at which the history began.
func (n *node) demoBegan(ctx context.Context) (began time.Time, err error) {
	var found bool
	err = n.db.CentralRead(ctx, tenants.FindQ(&began, &found, `-- demo began
		select (value->>'began')::timestamptz from central.settings where key = 'demo'`))
	if err == nil && !found {
		began = n.Now()
		err = n.saveDemoProgress(ctx, 0)
	}
	return began, err
}
