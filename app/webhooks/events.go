package webhooks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Event is something that endpoints can be told of.
type Event struct {
	Name   string
	Group  string
	Text   string // one sentence
	of     string // what it is called inside
	fields []string
}

// Events is everything that can be chosen, in the order of the page. Of what is
// announced inside only the fields named here go out: no link to a desktop, no
// password, no note between us. "user_id=customer_id" gives a field another name.
func Events() []Event {
	desk := []string{"user_id", "workspace_id"}
	with := func(more ...string) []string { return append(slices.Clone(desk), more...) }
	invoice := []string{"user_id", "invoice_id", "number", "currency"}
	of := func(base []string, more ...string) []string { return append(slices.Clone(base), more...) }
	payment := []string{"user_id", "payment_id", "invoice_id", "kind", "amount", "currency", "automatic"}
	refund := []string{"user_id", "payment_id", "refund_id", "amount", "currency"}
	return []Event{
		{"customer.created", "Customers", "Somebody signed up, or was added by you.", "customer.created", []string{"user_id"}},
		{"customer.verified", "Customers", "Somebody confirmed their e-mail address.", "user.verified", []string{"user_id"}},
		{"customer.parked", "Customers", "A customer passed one of your bounds and waits for you.", "account.parked", []string{"user_id=customer_id", "sentence"}},
		{"customer.released", "Customers", "A parked customer was let go on.", "account.released", []string{"user_id=customer_id"}},
		{"workspace.ordered", "Desktops", "A desktop was ordered.", "workspace.ordered", desk},
		{"workspace.running", "Desktops", "A desktop runs.", "workspace.running", with("run", "first")},
		{"workspace.stopped", "Desktops", "A desktop is off.", "workspace.stopped", with("run", "by")},
		{"workspace.failed", "Desktops", "A desktop could not be made or started.", "workspace.failed", with("run", "code", "error")},
		{"workspace.destroyed", "Desktops", "A desktop is gone for good.", "workspace.destroyed", desk},
		{"session.opened", "Sessions", "A run began to count.", "session.opened", with("session_id", "started_at")},
		{"session.closed", "Sessions", "A run ended, with what it cost.", "session.closed", with("session_id", "stopped_at", "ended_by", "blocks", "total_cost", "currency")},
		{"block.charged", "Sessions", "A block of a run was charged. There are many of these.", "block.charged", with("session_id", "block_no", "starts_at")},
		{"invoice.finalised", "Money", "An invoice was issued.", "invoice.finalised", of(invoice, "total", "amount_due")},
		{"invoice.paid", "Money", "An invoice was settled.", "invoice.paid", of(invoice, "amount")},
		{"invoice.voided", "Money", "An invoice was voided.", "invoice.voided", []string{"user_id", "invoice_id", "number", "reason"}},
		{"credit_note.issued", "Money", "A credit note was issued.", "credit_note.issued", of(invoice, "credit_note_id", "total")},
		{"payment.succeeded", "Money", "A payment came in.", "payment.succeeded", payment},
		{"payment.failed", "Money", "A payment was refused.", "payment.failed", of(payment, "failure", "needs_customer")},
		{"refund.succeeded", "Money", "Money was given back.", "refund.succeeded", refund},
		{"refund.failed", "Money", "Money could not be given back.", "refund.failed", refund},
		{"balance.low", "Money", "A customer's credit or cap is nearly used up.", "balance.low", with("reason", "by", "percent", "free", "cap", "cap_used", "currency", "stops_at")},
	}
}

// Names are the events inside that the consumer has to hear.
func Names() []string {
	var names []string
	for _, e := range Events() {
		names = append(names, e.of)
	}
	return names
}

func isPublic(name string) bool {
	return slices.ContainsFunc(Events(), func(e Event) bool { return e.Name == name })
}

// publicOf is the event that goes out for one inside.
func publicOf(inside string) (Event, bool) {
	all := Events()
	i := slices.IndexFunc(all, func(e Event) bool { return e.of == inside })
	if i < 0 {
		return Event{}, false
	}
	return all[i], true
}

// message is the body of a delivery: what happened, when, and the ids and amounts that
// say to whom. Amounts are decimal strings, times RFC 3339 in UTC.
func message(event string, at time.Time, data any) (string, error) {
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
		Data      any    `json:"data"`
	}{event, at.UTC().Format(time.RFC3339Nano), data})
	if err != nil {
		return "", fmt.Errorf("the message about %s cannot be written: %w", event, err)
	}
	return string(body), nil
}

// data takes what may go out from what was announced inside. What is absent, empty or
// about nobody is left out.
func (e Event) data(payload json.RawMessage) (map[string]json.RawMessage, error) {
	var inside map[string]json.RawMessage
	if err := json.Unmarshal(payload, &inside); err != nil {
		return nil, err
	}
	out := map[string]json.RawMessage{}
	for _, field := range e.fields {
		name, from, renamed := strings.Cut(field, "=")
		if !renamed {
			from = name
		}
		if value, ok := inside[from]; ok && tells(value) {
			out[name] = value
		}
	}
	return out, nil
}

func tells(value json.RawMessage) bool {
	text := string(value)
	return text != "null" && text != `""` && text != `"`+uuid.Nil.String()+`"`
}
