package views

import (
	"strconv"
	"strings"

	"github.com/ezscale/ezscale/app/webhooks"
)

// Webhooks is a shop's endpoints, and the form that adds one.
type Webhooks struct {
	List []webhooks.Endpoint
	Form WebhookForm
}

// WebhookForm is an endpoint as it is typed.
type WebhookForm struct {
	TermsForm
	Events []webhooks.Event
}

// WebhookEventField begins the names of the boxes of the events.
const WebhookEventField = "event."

func (f WebhookForm) on(e webhooks.Event) bool { return f.Values[WebhookEventField+e.Name] != "" }

func (f WebhookForm) groups() (all [][]webhooks.Event) {
	for _, e := range f.Events {
		if n := len(all); n > 0 && all[n-1][0].Group == e.Group {
			all[n-1] = append(all[n-1], e)
		} else {
			all = append(all, []webhooks.Event{e})
		}
	}
	return all
}

// Webhook is one endpoint with what was sent to it.
type Webhook struct {
	When
	Endpoint   webhooks.Endpoint
	Deliveries []webhooks.Delivery
	Secret     string // shown this once
	Form       WebhookForm
	Wrong      string // why what was asked for cannot be done
	Newest     string
	Older      string
}

func (p Webhook) action(what string) string { return webhookPath(p.Endpoint) + what }

func webhookPath(e webhooks.Endpoint) string { return "/reseller/webhooks/" + e.ID.String() }

func webhookColumns() []Column {
	return []Column{{Label: "Address"}, {Label: "Events"}, {Label: "State"}, {}}
}

func deliveryColumns() []Column {
	return []Column{{Label: "Message"}, {Label: "Made"}, {Label: "State"}, {Label: "Last answer"}, {Label: "Tries", End: true}, {}}
}

func eventsOf(e webhooks.Endpoint) string {
	if len(e.Events) > 3 {
		return strconv.Itoa(len(e.Events)) + " events"
	}
	return strings.Join(e.Events, ", ")
}

func webhookState(e webhooks.Endpoint) State {
	switch {
	case e.Status == webhooks.Paused:
		return State{"Paused", ToneQuiet, false}
	case e.Status == webhooks.Failing:
		return State{"Switched off", ToneBad, false}
	case e.FailingSince != nil:
		return State{"In trouble", ToneWarn, false}
	}
	return State{"Active", ToneGood, false}
}

func deliveryState(d webhooks.Delivery) State {
	switch {
	case d.Status == webhooks.Sent:
		return State{"Taken", ToneGood, false}
	case d.Status == webhooks.Failed:
		return State{"Given up", ToneBad, false}
	case d.Tries > 0:
		return State{"Not taken yet", ToneWarn, false}
	}
	return State{"Waiting", ToneInfo, false}
}

// answered is the status and the time of the last try.
func answered(d webhooks.Delivery) string {
	switch {
	case d.TookMs == nil:
		return "–"
	case d.Answer == nil:
		return "no answer"
	}
	return strconv.Itoa(*d.Answer) + " in " + strconv.Itoa(*d.TookMs) + " ms"
}

func (p Webhook) below(d webhooks.Delivery) string {
	if d.NextAt != nil && d.Tries > 0 {
		return "again " + p.At(*d.NextAt)
	}
	return ""
}

func (p Webhook) overlap() string {
	if p.Endpoint.OldUntil == nil || !p.Endpoint.OldUntil.After(p.Now) {
		return ""
	}
	return "The secret before signs, too, until " + p.At(*p.Endpoint.OldUntil) + "."
}
