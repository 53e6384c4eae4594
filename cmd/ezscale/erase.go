package main

import (
	"fmt"
	"time"

	"github.com/ezscale/ezscale/app/erasure"
)

// erasureOf forgets people with the machines and the cards of the server at hand.
func (n *node) erasureOf() *erasure.Service {
	return erasure.New(erasure.Config{DB: n.db, Desktops: n.workspaces, Cards: n.payments})
}

type userEraseCmd struct {
	Tenant      string `help:"The tenant's slug." required:""`
	Email       string `help:"E-mail address of the customer." required:""`
	LeaveCredit bool   `help:"Credit that is left stays in the books and is nobody's."`
	JSON        bool   `help:"Print one line of JSON."`
}

// Run asks for the erasure; a server does what remains to be done.
func (cmd userEraseCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		user, err := in.accounts.ByEmail(c.ctx, t, cmd.Email)
		if err != nil {
			return err
		}
		got, err := erasure.New(erasure.Config{DB: in.db}).Ask(c.ctx, t, erasure.Request{Actor: cliActor, User: user.ID, Email: user.Email, LeaveCredit: cmd.LeaveCredit})
		if err != nil {
			return err
		}
		data := map[string]any{"id": got.ID, "asked_at": got.AskedAt.UTC().Format(time.RFC3339), "waits_for": got.WaitsFor}
		text := fmt.Sprintf("the account of %s in %s is closed; the server destroys its desktops, and forgets who it was once the last invoice is paid", got.Email, t.Slug)
		if got.WaitsFor != "" {
			text += "\n  " + got.WaitsFor
		}
		return c.print(cmd.JSON, data, text)
	})
}
