package kasm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	// clockPlay is how far the server's clock may stand apart before it is said.
	clockPlay = 2 * time.Minute
	// probesAtOnce bounds the calls that a test makes side by side.
	probesAtOnce = 4
)

// probe is a harmless call that only a key with a permission may make. Those that
// would change something name what does not exist, so that "not found" proves the
// permission and "unauthorised" disproves it.
type probe struct {
	permission string
	call       func(ctx context.Context, c *Client) error
	warning    bool   // the product works without it
	without    string // what does not work then
}

// Test looks whether the server gives all that the product needs, and changes
// nothing there. now is what its clock should say.
func (d *Driver) Test(ctx context.Context, now time.Time) []workspaces.HostCheck {
	checks, reached := d.reach(ctx)
	if !reached {
		return checks
	}
	probes := d.probes()
	results := make([]error, len(probes))
	slots := make(chan struct{}, probesAtOnce)
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = p.call(ctx, d.client)
		})
	}
	all.Wait()
	checks = append(checks, keyCheck(results))
	for i, p := range probes {
		checks = append(checks, p.verdict(results[i]))
	}
	return append(checks, d.licenceCheck(ctx), d.keepaliveCheck(ctx), d.clockCheck(ctx, now))
}

// reach asks for the one answer that needs no key.
func (d *Driver) reach(ctx context.Context) ([]workspaces.HostCheck, bool) {
	err := d.client.Health(ctx)
	var untrusted *tls.CertificateVerificationError
	var e *Error
	encrypted := d.client.base.Scheme == "https"
	switch {
	case errors.As(err, &untrusted):
		return []workspaces.HostCheck{passed("reachable", "The server answers."), failed("TLS", sentenceOf(err))}, false
	case errors.As(err, &e) && e.HTTPStatus == 0:
		return []workspaces.HostCheck{failed("reachable", sentenceOf(err))}, false
	}
	checks := []workspaces.HostCheck{passed("reachable", "The server answers.")}
	if err != nil {
		checks[0].Sentence = "The server answers, but not as Kasm does when it is asked for its health."
	}
	switch {
	case !encrypted:
		checks = append(checks, warned("TLS", "The key and everything else goes over the network unencrypted; use an https address."))
	case d.client.insecure:
		checks = append(checks, passed("TLS", "The connection is encrypted; any certificate is accepted, as set."))
	default:
		checks = append(checks, passed("TLS", "The connection is encrypted and the certificate is trusted."))
	}
	return checks, true
}

func (d *Driver) probes() []probe {
	const desk = "desktops can neither be requested nor opened nor ended"
	ignore := func(_ any, err error) error { return err }
	return []probe{
		{"Users View", func(ctx context.Context, c *Client) error { return ignore(c.UserByID(ctx, nobody())) }, false, "customers' accounts are not found"},
		{"Users Create", func(ctx context.Context, c *Client) error { return ignore(c.CreateUser(ctx, NewUser{})) }, false, "customers get no account"},
		{"Users Modify", func(ctx context.Context, c *Client) error { return ignore(c.UpdateUser(ctx, UserChange{ID: nobody()})) }, false, "an account whose password was lost cannot be mended"},
		{"Users Auth Session", func(ctx context.Context, c *Client) error { return c.LogoutUser(ctx, nobody()) }, false, desk},
		{"User", func(ctx context.Context, c *Client) error { return ignore(c.Keepalive(ctx, nobody())) }, false, desk},
		{"Sessions View", func(ctx context.Context, c *Client) error { return ignore(c.List(ctx)) }, false, "nothing proves that a desktop runs, so none is billed"},
		{"Images View", func(ctx context.Context, c *Client) error { return ignore(c.Images(ctx)) }, false, "no image is found to make desktops from"},
		{"Groups View", func(ctx context.Context, c *Client) error { return ignore(c.Groups(ctx)) }, false, "plans' rights cannot be set"},
		{"Groups Create", func(ctx context.Context, c *Client) error { return ignore(c.CreateGroup(ctx, NewGroup{})) }, false, "plans get no group for their rights"},
		{"Groups Modify", func(ctx context.Context, c *Client) error { return c.AddUserGroup(ctx, nobody(), nobody()) }, false, "customers do not get the rights of their plan"},
		{"Images Create", func(ctx context.Context, c *Client) error { return c.emptyImage(ctx) }, true, "missing sizes of images must be made in Kasm by hand"},
		{"stop and resume", func(ctx context.Context, c *Client) error { return c.Stop(ctx, nobody(), nobody()) }, true, "a stop destroys the desktop, and only a persistent profile outlives it"},
		{"Agents View", func(ctx context.Context, c *Client) error { return ignore(c.Agents(ctx)) }, true, "it is not known how many more desktops fit"},
		{"Reports View", func(ctx context.Context, c *Client) error { return ignore(c.AgentReport(ctx)) }, true, "it is not known how many more desktops fit"},
		{"Licenses View", func(ctx context.Context, c *Client) error { return ignore(c.Licences(ctx)) }, true, "it is not known how many desktops the licence allows"},
	}
}

// emptyImage asks for an image without a name, which is refused.
func (c *Client) emptyImage(ctx context.Context) error {
	const op = "create_image"
	_, err := inTurn(func(path string) ([]byte, error) {
		return c.call(ctx, op, path, map[string]any{"target_image": map[string]any{}})
	}, "/api/admin/"+op, "/api/public/"+op)
	return err
}

// allowed tells whether an answer proves that the call may be made.
func allowed(err error) bool {
	switch KindOf(err) {
	case KindUnauthorised, KindUnavailable:
		return false
	}
	return true
}

func (p probe) verdict(err error) workspaces.HostCheck {
	check := workspaces.HostCheck{Name: p.permission, OK: allowed(err), Warning: p.warning && !allowed(err)}
	switch {
	case check.OK:
		check.Sentence = "The key may do this."
	case missing(err):
		check.Sentence = "This version of Kasm has no such call: " + p.without + "."
	case forbidden(err):
		check.Sentence = "The key may not do this: " + p.without + "."
	default:
		check.Sentence = "It could not be found out: " + sentenceOf(err)
	}
	return check
}

// keyCheck tells a wrong key from one that lacks permissions: a right one may do at
// least something.
func keyCheck(results []error) workspaces.HostCheck {
	switch {
	case slices.ContainsFunc(results, allowed):
		return passed("key", "The key and its secret are accepted.")
	case slices.ContainsFunc(results, func(err error) bool { return KindOf(err) == KindUnauthorised }):
		return failed("key", "Kasm refuses the key: the key or its secret is wrong, is sent the wrong way (body or basic), or has no permission at all.")
	}
	return failed("key", "Kasm gave no proper answer to any call with the key.")
}

func (d *Driver) licenceCheck(ctx context.Context) workspaces.HostCheck {
	const name = "licence"
	licences, err := d.client.Licences(ctx)
	switch {
	case err != nil:
		return warned(name, "The licence cannot be read, so nobody knows whether it contains developer_api and how many desktops it allows.")
	case slices.ContainsFunc(licences, func(l Licence) bool { return slices.Contains(l.Features, "developer_api") }):
		text := "The licence contains developer_api."
		if limit := concurrent(licences); limit > 0 {
			text = fmt.Sprintf("The licence contains developer_api and allows %d desktops at once.", limit)
		}
		return passed(name, text)
	case len(licences) == 0:
		return warned(name, "No licence is activated: the Community Edition runs 5 desktops at once and is not for commercial use.")
	}
	return warned(name, "The licence does not name developer_api, which a product that drives Kasm by its API needs.")
}

// keepaliveCheck looks at the groups that are ours: a desktop must outlive the
// longest block without a sign of life.
func (d *Driver) keepaliveCheck(ctx context.Context) workspaces.HostCheck {
	const name = "keepalive_expiration"
	groups, err := d.client.Groups(ctx)
	if err != nil {
		return warned(name, "The groups cannot be read. See to it that keepalive_expiration is at least 7200 seconds for our customers, else Kasm deletes desktops that are paid for.")
	}
	told := false
	for _, g := range groups {
		if !strings.HasPrefix(strings.ToLower(g.Name), groupPrefix) || g.Settings == nil {
			continue
		}
		told = true
		if value := g.Settings["keepalive_expiration"]; seconds(value) < leastKeepalive {
			return warned(name, fmt.Sprintf("The group %s has keepalive_expiration %q; it must be at least 7200 seconds, else Kasm deletes desktops that are paid for. The next start of its plan mends it.", g.Name, value))
		}
	}
	if told {
		return passed(name, "Every group of ours lets a desktop live for at least 7200 seconds without a sign of life.")
	}
	return passed(name, "There is no group of ours yet; each is made with 7200 seconds.")
}

func (d *Driver) clockCheck(ctx context.Context, now time.Time) workspaces.HostCheck {
	const name = "clock"
	l, err := d.client.List(ctx)
	if err != nil || l.CurrentTime.IsZero() {
		return warned(name, "The server does not tell its time.")
	}
	off := l.CurrentTime.Sub(now).Round(time.Second)
	switch {
	case off > clockPlay:
		return warned(name, fmt.Sprintf("The server's clock is %s ahead; set it by NTP.", off))
	case off < -clockPlay:
		return warned(name, fmt.Sprintf("The server's clock is %s behind; set it by NTP.", -off))
	}
	return passed(name, "The server's clock agrees with ours.")
}

func passed(name, text string) workspaces.HostCheck {
	return workspaces.HostCheck{Name: name, OK: true, Sentence: text}
}

func warned(name, text string) workspaces.HostCheck {
	return workspaces.HostCheck{Name: name, Warning: true, Sentence: text}
}

func failed(name, text string) workspaces.HostCheck {
	return workspaces.HostCheck{Name: name, Sentence: text}
}

// sentenceOf is what Kasm's error says to an operator.
func sentenceOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Kasm did not answer."
}
