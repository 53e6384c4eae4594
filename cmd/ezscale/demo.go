package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants/seed"
)

type demoCmd struct {
	History int  `help:"Months of history to make at the first start; 0 for none." default:"3"`
	Install bool `help:"Install Postgres when this machine has none."`
	JSON    bool `help:"Print one line of JSON when ready."`
}

// The demonstration's people share one password: it runs on a loopback address.
const (
	demoPassword = "demo-desktops"
	demoOperator = "operator@ezscale.test"
)

// signIn is one of the ways in that the demonstration prints.
type signIn struct {
	Host     string `json:"host"`
	Role     string `json:"role"`
	Email    string `json:"email"`
	Password string `json:"password"`
	URL      string `json:"url"`
}

// Run starts everything in this one process tree, makes the sample resellers and
// their history at the first start, and says where to go.
func (cmd demoCmd) Run(c *console) error {
	if cmd.History < 0 || cmd.History > 24 {
		return misused("--history is a number of months from 0 to 24, not %d", cmd.History)
	}
	c.config.TestClock = true
	began := clock.Wall{}.Now()
	n, err := c.boot(bootOptions{install: cmd.Install, sim: true, outbox: true, cards: true, began: historyStart(began, cmd.History)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	wait, err := n.start(ctx)
	if err != nil {
		return err
	}
	resellers, err := seed.Demo()
	if err == nil {
		err = n.prepareDemo(ctx, resellers, cmd.History)
	}
	if err == nil {
		err = n.connectShops(ctx)
	}
	if err == nil {
		err = c.announce(cmd.JSON, n, resellers, clock.Wall{}.Now().Sub(began))
	}
	if err != nil {
		cancel()
		return errors.Join(untilDone(c.ctx, err), wait())
	}
	return wait()
}

// announce says where to go and how to sign in.
func (c *console) announce(asJSON bool, n *node, resellers []seed.Reseller, took time.Duration) error {
	house, _ := n.db.Registry().House()
	central := n.link(house, "")
	ways := []signIn{{Host: hostOf(central), Role: "operator", Email: demoOperator, Password: demoPassword, URL: central + "/admin"}}
	for _, r := range resellers {
		t, err := n.tenantBySlug(r.Slug)
		if err != nil {
			return err
		}
		shop := n.link(t, "")
		ways = append(ways, signIn{hostOf(central), "owner", r.Owner.Email, demoPassword, central + "/reseller"},
			signIn{hostOf(shop), "customer", r.Customers[0].Email, demoPassword, shop})
	}
	sim := c.config.KasmURL
	var text strings.Builder
	fmt.Fprintf(&text, "\nEZSCALE is ready after %s.\n\n  The provider    %s  (mail that was sent: %s/demo/mail)\n  Kasm simulator  %s\n\n", took.Round(100*time.Millisecond), central, central, sim)
	for _, w := range ways {
		fmt.Fprintf(&text, "  %-9s %-38s %s\n", w.Role, w.URL, w.Email)
	}
	fmt.Fprintf(&text, "\n  The password is %s for everybody. Stop with Ctrl-C; the next start goes on from here.\n", demoPassword)
	return c.print(asJSON, map[string]any{"central": central, "kasm_sim": sim, "sign_ins": ways}, text.String())
}

func hostOf(url string) string {
	_, host, _ := strings.Cut(url, "://")
	return host
}
