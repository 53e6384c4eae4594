package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/attention"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

const (
	attentionPage     = 50
	attentionOverview = 20 // on the first page
)

// attention lists what needs a person of the provider, the newest first.
func (s *server) attention(c *echo.Context) error {
	from, err := attentionCursor(c.QueryParam("cursor"))
	if err != nil {
		return err
	}
	var items []attention.Item
	var open int
	if err := s.DB.CentralRead(c.Request().Context(), attention.ListQ(&items, "", from, attentionPage+1), attention.CountQ(&open)); err != nil {
		return err
	}
	page := views.AttentionList{Open: open}
	if len(items) > attentionPage {
		items = items[:attentionPage]
		page.Older = "/admin/attention?cursor=" + url.QueryEscape(cursorOf(items[attentionPage-1]))
	}
	if from.ID != uuid.Nil {
		page.Newest = "/admin/attention"
	}
	page.Items = s.attentionItems(items)
	return s.render(c, 200, views.AttentionPage(s.adminShell(c, "Needs attention"), page))
}

func cursorOf(i attention.Item) string {
	return strconv.FormatInt(i.CreatedAt.UnixMicro(), 10) + "." + i.ID.String()
}

func attentionCursor(text string) (attention.Cursor, error) {
	if text == "" {
		return attention.Cursor{}, nil
	}
	at, id, _ := strings.Cut(text, ".")
	micro, err := strconv.ParseInt(at, 10, 64)
	parsed, wrong := uuid.Parse(id)
	if err != nil || wrong != nil {
		return attention.Cursor{}, fail.New(fail.BadRequest, "This page of the list does not exist.")
	}
	return attention.Cursor{At: time.UnixMicro(micro), ID: parsed}, nil
}

func (s *server) attentionItems(items []attention.Item) []views.AttentionItem {
	out := make([]views.AttentionItem, len(items))
	for i, item := range items {
		row := views.AttentionItem{ID: item.ID.String(), Title: attentionTitle(item.Kind), Shop: "a shop that is gone", At: whenUTC(item.CreatedAt), Text: item.Summary,
			Numbers: numbersOf(item.Detail), Settle: "/admin/attention/" + item.ID.String() + "/settle", Tone: views.ToneWarn}
		if t, ok := s.Registry.ByID(item.TenantID); ok {
			row.Shop = t.Name
		}
		switch item.Kind {
		case parking.Kind:
			row.Settle, row.Look = "", views.NavItem{Label: "Look at it", Href: "/admin/parked"}
		case "recompute", "ledger":
			row.Tone = views.ToneBad
		}
		out[i] = row
	}
	return out
}

// attentionTitle words a kind; one that nobody has worded reads as it is stored.
func attentionTitle(kind string) string {
	switch kind {
	case "recompute":
		return "An invoice works out otherwise"
	case "ledger":
		return "A ledger does not add up"
	case parking.Kind:
		return "An account is parked"
	case "write_off":
		return "Usage was written off"
	case "dispute":
		return "A payment is disputed"
	}
	words := strings.ReplaceAll(kind, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// numbersOf writes the plain values of a detail in one line.
func numbersOf(raw json.RawMessage) string {
	var detail map[string]any
	if json.Unmarshal(raw, &detail) != nil {
		return ""
	}
	var parts []string
	for name, value := range detail {
		text := fmt.Sprint(value)
		switch value.(type) {
		case string, float64, bool:
			if _, isID := uuid.Parse(text); isID != nil && text != "" && name != "name" && name != "email" {
				parts = append(parts, strings.ReplaceAll(name, "_", " ")+" "+text)
			}
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " · ")
}

// settleAttention takes a line off the list.
func (s *server) settleAttention(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "matter")
	if err != nil {
		return err
	}
	who, settled := visitOf(c).operator, false
	err = s.DB.Central(c.Request().Context(), func(tx tenants.CentralTx) (err error) {
		settled, err = attention.Settle(c.Request().Context(), tx, id, who.Email)
		return err
	})
	if err != nil {
		return err
	}
	if !settled {
		return fail.Missing("matter")
	}
	s.log.Info("a matter was settled", "matter", id, "operator", who.ID)
	putNotice(c, s.doors.admin, views.ToneGood, "It is off the list.")
	return seeOther(c, "/admin/attention")
}
