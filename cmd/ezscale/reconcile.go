package main

import (
	"fmt"
	"strings"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
)

type reconcileCmd struct {
	JSON bool `help:"Print one line of JSON."`
}

// Run prints the differences and changes nothing: the server mends them in its
// rounds.
func (cmd reconcileCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		drift, err := workspaces.NewReconciler(c.desktops(in)).Drift(c.ctx)
		if err != nil {
			return fmt.Errorf("not everything could be compared: %w", err)
		}
		var text strings.Builder
		for _, d := range drift {
			fmt.Fprintf(&text, "%-12s %-16s desktop %s: believed %s, listed %s\n", d.Host, d.Tenant, d.DesktopID, d.Believed, d.Listed)
		}
		return c.print(cmd.JSON, map[string]any{"drift": drift}, text.String()+fmt.Sprintf("%d differences", len(drift)))
	})
}

// desktops is the life of desktops for a command of a moment: it changes rows,
// and the server makes the hosts follow.
func (c *console) desktops(in *installation) *workspaces.Service {
	return workspaces.New(workspaces.Config{DB: in.db, Clock: in, Wall: clock.Wall{}.Now, Credit: in.ledger, Terms: in.billing, Meter: metering.NewService(c.log).Reporting(in.billing).PaidFrom(in.ledger),
		Fleet: in.hosts, Sealer: in.key, Log: c.log})
}
