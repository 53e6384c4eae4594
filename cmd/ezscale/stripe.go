package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/payments/stripefake"
	"github.com/ezscale/ezscale/tenants"
)

type tenantStripeCmd struct {
	Tenant            string `help:"The slug." required:""`
	SecretKeyFile     string `help:"File with the secret key of the shop's account at Stripe; - or none reads a line of the standard input."`
	WebhookSecretFile string `help:"File with the signing secret of its webhook; - or none reads the next line of the standard input."`
	JSON              bool   `help:"Print one line of JSON."`
}

// Run keeps a shop's keys, once Stripe knows them.
func (cmd tenantStripeCmd) Run(c *console) error {
	keys, err := cmd.read(os.Stdin)
	if err != nil {
		return err
	}
	return c.change(func(in *installation) error {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		account, err := c.payments(in).SetKeys(c.ctx, t, "cli", keys)
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, map[string]any{"tenant": t.Slug, "account": account.Account, "name": account.Name, "test": account.Test, "webhook_path": "/webhooks/stripe"},
			fmt.Sprintf("%s takes cards through the account %s; its webhook is /webhooks/stripe on the shop's host", t.Slug, account.Account))
	})
}

// maxKeys is more than two keys have, in bytes.
const maxKeys = 4096

// read takes the keys from their files, and what has none from the lines of in.
func (cmd tenantStripeCmd) read(in io.Reader) (keys payments.Keys, err error) {
	var lines []string
	if cmd.SecretKeyFile == "" || cmd.SecretKeyFile == "-" || cmd.WebhookSecretFile == "" || cmd.WebhookSecretFile == "-" {
		text, err := io.ReadAll(io.LimitReader(in, maxKeys))
		if err != nil {
			return keys, err
		}
		lines = strings.Fields(string(text))
	}
	next := func(file string) (string, error) {
		if file != "" && file != "-" {
			text, err := os.ReadFile(file)
			return strings.TrimSpace(string(text)), err
		}
		if len(lines) == 0 {
			return "", misused("give the secret key and the webhook's signing secret, in files or a line each")
		}
		line := lines[0]
		lines = lines[1:]
		return line, nil
	}
	secret, err := next(cmd.SecretKeyFile)
	if err != nil {
		return keys, err
	}
	webhook, err := next(cmd.WebhookSecretFile)
	return payments.Keys{Secret: secret, Webhook: webhook}, err
}

// payments is the payments of an installation, for commands.
func (c *console) payments(in *installation) *payments.Service {
	return payments.New(payments.Config{DB: in.db, Clock: in, Wall: clock.Wall{}.Now, Ledger: in.ledger, Billing: in.billing, Sealer: in.key,
		House:   payments.Keys{Secret: string(c.config.StripeKey), Webhook: string(c.config.StripeWebhook)},
		APIBase: c.config.StripeBase, Links: func(t tenants.Tenant, path string) string { return "https://" + t.Host() + path }, Log: c.log})
}

// processor is the Stripe of the demonstration, on a port of its own. It remembers
// nothing when it ends.
type processor struct {
	*stripefake.Fake
	address string
	stop    context.CancelFunc
	ended   chan error
}

// startProcessor begins to answer in place of Stripe, unless another is named.
func (c *console) startProcessor() (*processor, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the demonstration's card processor cannot listen: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &processor{stripefake.New(clock.Wall{}.Now), "http://" + l.Addr().String(), stop, make(chan error, 1)}
	p.At(p.address)
	c.config.StripeBase = p.address
	go func() { p.ended <- ignoreClosed(serveHTTP(ctx, l, p.Fake, c.log)) }()
	return p, nil
}

func (p *processor) close() error {
	p.stop()
	return <-p.ended
}

// connectShops gives every shop of the demonstration an account at its processor,
// and has what happens there announced to the shop.
func (n *node) connectShops(ctx context.Context) error {
	if n.processor == nil {
		return nil
	}
	local := "http://" + n.listener.Addr().String() + "/webhooks/stripe"
	for _, t := range n.db.Registry().All() {
		keys := payments.Keys{Secret: "sk_test_demo_" + t.Slug, Webhook: "whsec_demo_" + t.Slug}
		if _, err := n.payments.SetKeys(ctx, t, "demo", keys); err != nil {
			return fmt.Errorf("connect %s to the demonstration's card processor: %w", t.Slug, err)
		}
		n.processor.Announce(ctx, keys.Secret, local, hostOf(n.link(t, "")), keys.Webhook)
	}
	return nil
}

// stopProcessor ends the demonstration's processor, if there is one.
func (n *node) stopProcessor() error {
	if n.processor == nil {
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- n.processor.close() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(drain):
		return errors.New("the demonstration's card processor did not stop")
	}
}
