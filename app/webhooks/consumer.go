package webhooks

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
)

const (
	leaseFor   = 45 * time.Second   // of the machine's time, that one node sends to an endpoint
	sendFor    = 20 * time.Second   // likewise, after which others get their turn
	silentFor  = time.Minute        // that an endpoint is left alone which did not answer at all
	closedFor  = time.Hour          // that a suspended shop's messages wait before they are looked at again
	staleAfter = 7 * 24 * time.Hour // from its making, a message is not tried again
)

// OnEvent makes one message to each endpoint that wants to hear of an event.
func (s *Service) OnEvent(ctx context.Context, m *bus.Message) error {
	event, known := publicOf(m.Name)
	if !known {
		return nil
	}
	data, err := event.data(m.Payload)
	if err != nil {
		return bus.Permanent(err)
	}
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		listeners, err := lockListeners(ctx, tx, event.Name)
		if err != nil || len(listeners) == 0 {
			return err
		}
		body, err := message(event.Name, tx.Now(), data)
		if err != nil {
			return err
		}
		for _, e := range listeners { // ten at most
			if err := insertDelivery(ctx, tx, e.ID, "event:"+strconv.FormatInt(m.OutboxID, 10), event.Name, body); err != nil {
				return err
			}
			if err := wake(ctx, tx, e, tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// OnDue sends what an endpoint is due, one message after the other. Whatever node does
// it, each try is kept at once; what is left, or comes meanwhile, is due again.
func (s *Service) OnDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(err)
	}
	if !m.Tenant.Status.Open() {
		return s.putOff(ctx, m, closedFor)
	}
	var c claimed
	err = s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) (err error) {
		c, err = claim(ctx, tx, id, s.Wall(), s.Wall().Add(leaseFor))
		return err
	})
	switch {
	case err != nil:
		return err
	case !c.There:
		return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error { return m.Done(ctx, tx) })
	case !c.Ours:
		return s.putOff(ctx, m, leaseFor)
	}
	silent, err := s.sendWaiting(ctx, m.Tenant, id)
	return errors.Join(err, s.leave(context.WithoutCancel(ctx), m, id, silent))
}

// putOff looks again later: who sends now sees what there is when he ends, and only if
// he is killed is there anything left to do then.
func (s *Service) putOff(ctx context.Context, m *bus.Message, d time.Duration) error {
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		if m.Tenant.Status == tenants.Closed {
			return nil
		}
		return bus.Due(ctx, tx, strings.TrimSuffix(m.Name, ".due"), m.Key, tx.Now().Add(d), nil)
	})
}

// sendWaiting says that nobody answers at the endpoint.
func (s *Service) sendWaiting(ctx context.Context, t tenants.Tenant, id uuid.UUID) (silent bool, err error) {
	for until := s.Wall().Add(sendFor); s.Wall().Before(until); {
		var e sealed
		var d Delivery
		var active, waits bool
		now := s.Clock.Now()
		if err := s.DB.Read(ctx, t, sealedQ(&e, &active, id), turnQ(&d, &waits, id, now)); err != nil || !active || !waits {
			return false, err
		}
		o, err := s.send(ctx, t, e, d, now)
		if err != nil {
			return false, err
		}
		s.Log.DebugContext(ctx, "a webhook was called", "tenant", t.Slug, "webhook", id, "message", d.MessageID(), "answer", o.answer, "took", o.took)
		if err := s.note(ctx, t, e.Endpoint, d, o); err != nil {
			return false, err
		}
		if o.answer == 0 {
			return true, nil
		}
	}
	return false, nil
}

// note keeps what came of a try, and switches an endpoint off that wants nothing or has
// taken nothing for days.
func (s *Service) note(ctx context.Context, t tenants.Tenant, e Endpoint, d Delivery, o outcome) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		ms := int(o.took.Milliseconds())
		now, there, err := noteHealth(ctx, tx, e.ID, o.taken(), ms)
		if err != nil || !there {
			return err
		}
		done := d
		done.Said, done.TookMs, done.NextAt, done.Status = o.said, &ms, nil, Sent
		if o.answer != 0 {
			done.Answer = &o.answer
		}
		if !o.taken() {
			done.Status = Failed
			wait, again := pause(d.Tries+1, d.ID, o.after)
			if at := tx.Now().Add(wait); again && at.Sub(d.MadeAt) < staleAfter {
				done.Status, done.NextAt = Waiting, &at
			}
		}
		if err := noteTry(ctx, tx, done); err != nil || o.taken() || now.Status != Active {
			return err
		}
		if o.gone() || tx.Now().Sub(*now.FailingSince) >= offAfter && d.Tries+1 >= triesBeforeOff {
			return s.switchOff(ctx, tx, now, o)
		}
		return nil
	})
}

// SwitchedOff is the payload of EventSwitchedOff, one for each owner.
type SwitchedOff struct {
	UserID    uuid.UUID `json:"user_id"`
	WebhookID uuid.UUID `json:"webhook_id"`
	Host      string    `json:"host"`
	Said      string    `json:"said"`
}

func (s *Service) switchOff(ctx context.Context, tx tenants.Tx, e Endpoint, o outcome) error {
	if _, err := setStatus(ctx, tx, e.ID, Failing); err != nil {
		return err
	}
	if err := giveUp(ctx, tx, e.ID, "The webhook was switched off."); err != nil {
		return err
	}
	if err := audit(ctx, tx, "system", "webhook.switched_off", placeOf(e)); err != nil {
		return err
	}
	people, err := owners(ctx, tx)
	if err != nil {
		return err
	}
	said := o.said
	if o.answer != 0 {
		said = strings.TrimSpace(strconv.Itoa(o.answer) + " " + said)
	}
	letters := make([]SwitchedOff, len(people))
	for i, id := range people {
		letters[i] = SwitchedOff{id, e.ID, e.Host(), said}
	}
	return bus.AppendAll(ctx, tx, EventSwitchedOff, letters)
}

// leave gives an endpoint back and sets when it is due next. The due time that brought
// us here may have been set anew meanwhile, which is no trouble: it is set again.
func (s *Service) leave(ctx context.Context, m *bus.Message, id uuid.UUID, silent bool) error {
	return s.DB.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		e, there, err := release(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := m.Done(ctx, tx); err != nil && !errors.Is(err, bus.ErrAlreadyDone) {
			return err
		}
		if !there || e.Status != Active {
			return rest(ctx, tx, id)
		}
		if err := prune(ctx, tx, id, tx.Now().AddDate(0, 0, -keepDays)); err != nil {
			return err
		}
		at, err := nextAt(ctx, tx, id)
		if err != nil {
			return err
		}
		if at == nil {
			return rest(ctx, tx, id)
		}
		if soon := tx.Now().Add(silentFor); silent && at.Before(soon) {
			at = &soon
		}
		return wake(ctx, tx, e, *at)
	})
}
