package bus

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The headers of a message. What is not in them is read from the database.
const (
	headTenant   = "Ez-Tenant"
	headOutbox   = "Ez-Outbox"
	headSend     = "Ez-Send"
	headConsumer = "Ez-Consumer"
	headKey      = "Ez-Key"
	headDueAt    = "Ez-Due-At"
	headVersion  = "Ez-Version"
	headFailures = "Ez-Failures"
)

func subjectOf(tenant uuid.UUID, name string) string { return "ez." + tenant.String() + "." + name }

func cutSubject(subject string) (tenant uuid.UUID, name string, ok bool) {
	parts := strings.SplitN(subject, ".", 3)
	if len(parts) != 3 {
		return uuid.Nil, "", false
	}
	tenant, err := uuid.Parse(parts[1])
	return tenant, parts[2], err == nil
}

// ofEvent has a message id that is new for every intended sending: what is sent
// twice by accident is stored once, what is sent again on purpose is stored.
func ofEvent(r outboxRow) *nats.Msg {
	m := newMsg(r.TenantID, r.Subject, r.Payload)
	id := strconv.FormatInt(r.ID, 10)
	m.Header.Set(headOutbox, id)
	m.Header.Set(headSend, strconv.Itoa(r.Sends))
	if r.Consumer != "" {
		m.Header.Set(headConsumer, r.Consumer)
	}
	if r.Sends > 1 {
		id += "-" + strconv.Itoa(r.Sends)
	}
	m.Header.Set(jetstream.MsgIDHeader, id)
	return m
}

func ofDue(r dueRow) *nats.Msg {
	m := newMsg(r.TenantID, r.Kind+dueSuffix, r.Payload)
	m.Header.Set(headKey, url.QueryEscape(r.Key))
	m.Header.Set(headDueAt, r.DueAt.UTC().Format(time.RFC3339Nano))
	m.Header.Set(headVersion, strconv.FormatInt(r.Version, 10))
	m.Header.Set(headFailures, strconv.Itoa(r.Failures))
	m.Header.Set(jetstream.MsgIDHeader, fmt.Sprintf("due-%d-%d", r.Version, r.Failures))
	return m
}

func newMsg(tenant uuid.UUID, name string, payload json.RawMessage) *nats.Msg {
	m := nats.NewMsg(subjectOf(tenant, name))
	m.Header.Set(headTenant, tenant.String())
	m.Data = payload
	return m
}

// delivery is a message as it came, before its tenant is known.
type delivery struct {
	message  Message
	tenantID uuid.UUID
	send     int    // 1 is the first sending
	target   string // the one consumer it is for; empty is all
	failures int    // as far as the sender knew
	again    bool   // this very copy was delivered before
}

// repeated is true when somebody may have handled the message before.
func (d *delivery) repeated() bool { return d.again || d.send > 1 }

func readDelivery(msg jetstream.Msg, consumer string) (*delivery, error) {
	h := msg.Headers()
	tenant, name, ok := cutSubject(msg.Subject())
	if !ok {
		return nil, fmt.Errorf("the subject %q names no tenant", msg.Subject())
	}
	d := &delivery{target: h.Get(headConsumer), send: 1}
	if meta, err := msg.Metadata(); err != nil || meta.NumDelivered > 1 {
		d.again = true
	}
	d.message = Message{Name: name, Payload: msg.Data(), consumer: consumer}
	if h.Get(headTenant) != tenant.String() {
		return d, fmt.Errorf("the message for %s is about tenant %q", tenant, h.Get(headTenant))
	}
	d.tenantID = tenant
	if strings.HasSuffix(d.message.Name, dueSuffix) {
		return d, d.readDue(h)
	}
	return d, d.readEvent(h)
}

func (d *delivery) readEvent(h nats.Header) (err error) {
	if d.message.OutboxID, err = strconv.ParseInt(h.Get(headOutbox), 10, 64); err != nil || d.message.OutboxID <= 0 {
		return fmt.Errorf("the message has no id: %q", h.Get(headOutbox))
	}
	if d.send, err = strconv.Atoi(h.Get(headSend)); err != nil {
		return fmt.Errorf("the message does not say how often it was sent: %w", err)
	}
	return nil
}

func (d *delivery) readDue(h nats.Header) (err error) {
	if d.message.Key, err = url.QueryUnescape(h.Get(headKey)); err != nil {
		return fmt.Errorf("the due time has no readable key: %w", err)
	}
	if d.message.DueAt, err = time.Parse(time.RFC3339Nano, h.Get(headDueAt)); err != nil {
		return fmt.Errorf("the due time has no time: %w", err)
	}
	if d.message.version, err = strconv.ParseInt(h.Get(headVersion), 10, 64); err != nil {
		return fmt.Errorf("the due time has no version: %w", err)
	}
	if d.failures, err = strconv.Atoi(h.Get(headFailures)); err != nil {
		return fmt.Errorf("the due time does not say how often it failed: %w", err)
	}
	return nil
}
