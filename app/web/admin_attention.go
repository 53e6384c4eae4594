package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/attention"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/oversight"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

const (
	attentionPage     = 50
	attentionOverview = 20 // on the first page
	kindDesktop       = "desktop"
)

// matterSearch is what the list is asked for, and as its address says it.
type matterSearch struct {
	oversight.MatterFilter
	at url.Values
}

func (s *server) matterSearchOf(c *echo.Context) (f matterSearch, err error) {
	f.at = url.Values{}
	for _, name := range []string{"kind", "shop"} {
		if text := cleanText(c.QueryParam(name)); text != "" {
			f.at.Set(name, text)
		}
	}
	f.Kind = f.at.Get("kind")
	if slug := f.at.Get("shop"); slug != "" {
		f.Tenant = uuid.Max // a shop that nobody knows has no matters
		if t, ok := s.Registry.BySlug(slug); ok {
			f.Tenant = t.ID
		}
	}
	return f, f.after(c.QueryParam("cursor"))
}

func (f *matterSearch) after(cursor string) error {
	if cursor == "" {
		return nil
	}
	micros, id, _ := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || id == "" || n < 0 || n > 1<<53 || cleanText(id) != id {
		return fail.New(fail.BadRequest, "This page of the list does not exist.")
	}
	at := time.UnixMicro(n).UTC()
	f.At, f.ID = &at, id
	return nil
}

func cursorOfMatter(m oversight.Matter) string {
	return strconv.FormatInt(m.At.UnixMicro(), 10) + "." + m.ID
}

// attention lists what needs a person of the provider, the newest first. Desktops
// that failed or are stuck stand before the rest, because somebody waits for them.
func (s *server) attention(c *echo.Context) error {
	f, err := s.matterSearchOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	var items []oversight.Matter
	var counts []oversight.KindCount
	if err := s.DB.CentralRead(ctx, oversight.MattersQ(&items, s.Clock.Now(), f.MatterFilter, attentionPage+1), oversight.MatterCountsQ(&counts, s.Clock.Now())); err != nil {
		return err
	}
	page := views.AttentionList{Kind: f.Kind, Shop: f.at.Get("shop"), CSV: pathWith("/admin/attention.csv", f.at)}
	page.Kinds = []views.Option{{Value: "", Label: "Everything"}, {Value: kindDesktop, Label: "Desktops that failed or are stuck"}}
	for _, k := range counts {
		page.Open += k.N
		page.Kinds = append(page.Kinds, views.Option{Value: k.Kind, Label: attentionTitle(k.Kind) + " (" + strconv.Itoa(k.N) + ")"})
	}
	if f.At != nil {
		page.Newest = pathWith("/admin/attention", f.at)
	} else if f.Kind == "" || f.Kind == kindDesktop {
		s.addDesktops(c, &page)
	}
	if len(items) > attentionPage {
		items = items[:attentionPage]
		older := url.Values{"cursor": {cursorOfMatter(items[attentionPage-1])}}
		for name := range f.at {
			older.Set(name, f.at.Get(name))
		}
		page.Older = pathWith("/admin/attention", older)
	}
	page.Items = append(page.Items, s.matterItems(items)...)
	return s.render(c, http.StatusOK, views.AttentionPage(s.adminShell(c, "Needs attention"), page))
}

// addDesktops asks the shops for desktops that failed or are stuck; those that do
// not answer in time are said to be missing.
func (s *server) addDesktops(c *echo.Context, page *views.AttentionList) {
	troubles, err := s.Workspaces.Attention(c.Request().Context())
	if err != nil {
		s.log.Warn("not every shop could be asked for what needs attention", "error", err)
		page.Incomplete = "Not every shop answered in time, so desktops may be missing here."
	}
	for _, t := range troubles {
		if t.WorkspaceID == uuid.Nil || page.Shop != "" && page.Shop != t.Tenant {
			continue
		}
		row := s.troubleRow(t)
		item := views.AttentionItem{ID: t.WorkspaceID.String(), Title: row.Title, Shop: t.Tenant, At: whenUTC(t.Since), Text: t.Sentence, Numbers: "service " + t.ServiceID.String(), Tone: row.Tone}
		if shop, ok := s.Registry.BySlug(t.Tenant); ok {
			item.Shop = shop.Name
		}
		if row.Force != "" {
			item.Look = views.NavItem{Label: "Force an end on the overview", Href: "/admin#attention"}
		}
		page.Items, page.Open = append(page.Items, item), page.Open+1
	}
}

func (s *server) attentionItems(items []attention.Item) []views.AttentionItem {
	matters := make([]oversight.Matter, len(items))
	for i, item := range items {
		matters[i] = oversight.Matter{Kind: item.Kind, ID: item.ID.String(), TenantID: item.TenantID, At: item.CreatedAt, Summary: item.Summary, Detail: item.Detail}
	}
	return s.matterItems(matters)
}

func (s *server) matterItems(items []oversight.Matter) []views.AttentionItem {
	out := make([]views.AttentionItem, len(items))
	for i, item := range items {
		row := views.AttentionItem{ID: item.Kind + "-" + item.ID, Title: attentionTitle(item.Kind), Shop: s.shopName(item.TenantID), At: whenUTC(item.At), Text: item.Summary,
			Numbers: numbersOf(item.Detail), Tone: views.ToneWarn}
		reseller := "/admin/resellers"
		if t, ok := s.Registry.ByID(item.TenantID); ok {
			reseller += "/" + t.Slug
		}
		switch item.Kind {
		case parking.Kind:
			row.Look = views.NavItem{Label: "Look at it", Href: "/admin/parked"}
		case oversight.KindLetter:
			row.Tone, row.Look = views.ToneBad, views.NavItem{Label: "Try again or discard", Href: "/admin/jobs#letters"}
		case oversight.KindCertificate, oversight.KindDomain:
			row.Look = views.NavItem{Label: "Look at it", Href: "/admin/domains"}
		case oversight.KindTrial:
			row.Tone, row.Look = views.ToneInfo, views.NavItem{Label: "Look at it", Href: reseller}
		case oversight.KindMigration:
			row.Tone, row.Look = views.ToneBad, views.NavItem{Label: "Look at it", Href: reseller}
		default:
			row.ID, row.Settle = item.ID, "/admin/attention/"+item.ID+"/settle"
			if item.Kind == "recompute" || item.Kind == "ledger" {
				row.Tone = views.ToneBad
			}
		}
		out[i] = row
	}
	return out
}

// attentionCSV is the list as a file; desktops are not in it, because their shops
// keep them.
func (s *server) attentionCSV(c *echo.Context) error {
	f, err := s.matterSearchOf(c)
	if err != nil {
		return err
	}
	return s.streamCSV(c, "attention", []string{"kind", "id", "shop", "since", "summary"}, func(cursor string) ([][]string, string, error) {
		var items []oversight.Matter
		if err := f.after(cursor); err != nil {
			return nil, "", err
		}
		if err := s.DB.CentralRead(c.Request().Context(), oversight.MattersQ(&items, s.Clock.Now(), f.MatterFilter, linesOfFile)); err != nil {
			return nil, "", err
		}
		out, next := make([][]string, len(items)), ""
		for i, m := range items {
			shop := m.TenantID.String()
			if t, ok := s.Registry.ByID(m.TenantID); ok {
				shop = t.Slug
			}
			out[i] = []string{m.Kind, m.ID, shop, m.At.UTC().Format(time.RFC3339), m.Summary}
		}
		if len(items) == linesOfFile {
			next = cursorOfMatter(items[linesOfFile-1])
		}
		return out, next, nil
	})
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

// attentionTitle words a kind; one that nobody has worded reads as it is stored.
func attentionTitle(kind string) string {
	switch kind {
	case "recompute":
		return "An invoice works out otherwise"
	case "ledger":
		return "A ledger does not add up"
	case parking.Kind:
		return "An account is parked"
	case oversight.KindLetter:
		return "Work was given up"
	case oversight.KindCertificate:
		return "A certificate fails or ends"
	case oversight.KindDomain:
		return "A domain points elsewhere"
	case oversight.KindTrial:
		return "A trial ends"
	case oversight.KindMigration:
		return "A shop is not up to date"
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
