// Package notify tells people what happened: customers and owners by mail, the
// provider by Discord. It reacts to events only, so nothing waits for a mail
// server; and each letter goes once, whatever is delivered how often.
package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// Accounts makes the secret part of a mailed link, whose purpose is verify,
// reset or welcome.
type Accounts interface {
	NewToken(ctx context.Context, tx tenants.Tx, user uuid.UUID, purpose string) (raw string, err error)
}

// Key reads what was sealed.
type Key interface {
	Open(sealed, context []byte) ([]byte, error)
}

// Config is what the service is made of. All but DiscordURL and From is needed.
type Config struct {
	DB         *tenants.DB
	Accounts   Accounts
	Sender     mail.Sender
	Key        Key
	Papers     Papers                                     // draws what is attached; nil attaches nothing
	Links      func(t tenants.Tenant, path string) string // a whole address on the shop's best host
	From       string                                     // the sender's address of shops that gave none; no-reply at the shop's host when empty
	DiscordURL string                                     // where the provider is alerted; empty is nowhere
	Log        *slog.Logger
}

// Service writes and sends. Letters and alerts are consumers of their own, so
// that trouble with one does not repeat the other.
type Service struct {
	Config
	discord *discord
}

// New makes the service. The error says what is wrong with DiscordURL.
func New(c Config) (*Service, error) {
	d, err := newDiscord(c.DiscordURL)
	if err != nil {
		return nil, err
	}
	return &Service{c, d}, nil
}

// OnAccount writes the letters about accounts: tenant.created, user.invited,
// user.made_staff, user.registered, user.register_repeated,
// user.verification_requested and user.reset_requested.
func (n *Service) OnAccount(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

// OnWorkspace writes the letters about desktops: workspace.running (once a
// service), workspace.failed, workspace.stopped when the host ended it,
// workspace.idle_warning and workspace.schedule_refused.
func (n *Service) OnWorkspace(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

// about is what the events say, each as far as it applies.
type about struct {
	UserID       uuid.UUID `json:"user_id"`
	WorkspaceID  uuid.UUID `json:"workspace_id"`
	ServiceID    uuid.UUID `json:"service_id"`
	InvoiceID    uuid.UUID `json:"invoice_id"`
	CreditNoteID uuid.UUID `json:"credit_note_id"`
	Number       string    `json:"number"` // of the invoice or credit note
	By           string    `json:"by"`
	Error        string    `json:"error"`  // for people
	Detail       string    `json:"detail"` // for the provider

	StopsAt *time.Time `json:"stops_at"` // with idle_warning
}

// sendError is trouble with the mail server, as opposed to the database.
type sendError struct{ cause error }

func (e *sendError) Error() string { return "send the letter: " + e.cause.Error() }
func (e *sendError) Unwrap() error { return e.cause }

// errUnproven says that an address that nobody has confirmed takes no mail.
var errUnproven = errors.New("the unconfirmed address takes no mail")

// mailWait is how long a letter waits for a mail server in trouble. That is not
// a failure of the letter, so it waits as often as it must.
const mailWait = time.Minute

// mail writes and sends the letter about one event. The note that it went and
// the receipt of the event are one transaction, and the letter goes just before
// that is committed: a crash in between is the one moment that can repeat a
// letter, under the same Message-ID.
func (n *Service) mail(ctx context.Context, m *bus.Message) error {
	var a about
	if err := m.Decode(&a); err != nil {
		return err
	}
	files := n.papers(ctx, m, a)
	err := n.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		to, found, err := findPerson(ctx, tx, a.UserID)
		if err != nil || !found {
			return err
		}
		draft, err := n.write(ctx, tx, m, a, to)
		if err != nil || draft.key == "" {
			return err
		}
		return n.once(ctx, tx, draft, to, files...)
	})
	var failed *sendError
	switch {
	case errors.Is(err, errUnproven):
		n.Log.WarnContext(ctx, "a letter was refused and given up", "tenant", m.Tenant.Slug, "event", m.Name, "err", err)
		return nil
	case mail.Refused(err):
		return bus.Permanent(err)
	case errors.As(err, &failed):
		return bus.Later(mailWait, err.Error())
	}
	return err
}

// draft is a letter before it has a sender. An empty key says that there is
// nothing to write.
type draft struct {
	key    string // of the letter in its shop
	letter views.Letter
}

func (n *Service) once(ctx context.Context, tx tenants.Tx, d draft, to person, files ...mail.File) error {
	first, err := noteSent(ctx, tx, d.key, to.Email, d.letter.Subject)
	if err != nil || !first {
		return err
	}
	msg, err := n.message(ctx, tx.Tenant(), d, to)
	if err != nil {
		return err
	}
	msg.Files = files
	switch err := n.Sender.Send(ctx, msg); {
	case err == nil:
		return nil
	case mail.Refused(err) && to.EmailVerifiedAt == nil:
		return errors.Join(errUnproven, err)
	default:
		return &sendError{err}
	}
}

func (n *Service) message(ctx context.Context, t tenants.Tenant, d draft, to person) (mail.Message, error) {
	var html strings.Builder
	if err := views.MailHTML(d.letter).Render(ctx, &html); err != nil {
		return mail.Message{}, fmt.Errorf("write the letter: %w", err)
	}
	m := mail.Message{Key: t.ID.String() + "/" + d.key, To: to.Email, Subject: d.letter.Subject, Text: d.letter.Text(), HTML: html.String()}
	m.From, m.FromName, m.ReplyTo = n.sender(t)
	return m, nil
}

// waiting is the state of an address whose domain does not let us send for it yet.
const waiting = "waiting"

// sender is whom a shop's letters come from. An address whose domain would have
// them taken for forged becomes the one to reply to.
func (n *Service) sender(t tenants.Tenant) (from, name, reply string) {
	b := t.Branding
	name = cmp.Or(b.FromName, b.CompanyName, t.Name)
	if b.FromEmail == "" || b.MailState != waiting {
		return cmp.Or(b.FromEmail, n.From, "no-reply@"+t.Host()), name, b.SupportEmail
	}
	own := t.Host()
	if len(t.Hosts) > 0 {
		own = t.Hosts[len(t.Hosts)-1] // the shop's name below the installation's
	}
	return cmp.Or(n.From, "no-reply@"+own), name + " via " + own, b.FromEmail
}

func (n *Service) brand(t tenants.Tenant) views.MailBrand {
	b := t.Branding
	return views.MailBrand{
		Company: cmp.Or(b.CompanyName, t.Name), Colour: strings.ToLower(b.PrimaryColor),
		SupportEmail: b.SupportEmail, SupportPhone: b.SupportPhone, Home: n.Links(t, "/"),
	}
}
