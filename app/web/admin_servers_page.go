package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/views"
)

// straysShown is how many of the desktops that nobody claimed a page lists.
const straysShown = 20

// serverLine is a host as the list shows it. It asks the host for its room.
func (s *server) serverLine(ctx context.Context, h hosts.Host, counts map[uuid.UUID]int, whole bool) views.ServerLine {
	line := views.ServerLine{Name: h.Name, Href: serverPath(h.ID), Kind: map[string]string{hosts.Kasm: "Kasm", hosts.Docker: "Docker"}[h.Kind], Zone: h.Zone, URL: h.URL,
		State: h.Status, Simulator: h.Simulator, Desktops: desktopsText(counts[h.ID], h.Capacity, whole), LastOK: "has not answered yet"}
	if h.LastOKAt != nil {
		line.LastOK = whenUTC(*h.LastOKAt)
	}
	if troubled(h) {
		line.Error = whenUTC(*h.LastErrorAt) + ": " + *h.LastError
	}
	line.Test, line.TestTone = testText(h)
	if h.Status != hosts.Retired {
		line.Room = roomText(s.Hosts.Room(ctx, h))
	}
	return line
}

// troubled says that the last answer of a host was an error.
func troubled(h hosts.Host) bool {
	return h.LastError != nil && h.LastErrorAt != nil && (h.LastOKAt == nil || h.LastErrorAt.After(*h.LastOKAt))
}

func desktopsText(n, capacity int, whole bool) string {
	text := strconv.Itoa(n)
	if !whole {
		text = "at least " + text
	}
	if capacity > 0 {
		text += " of " + strconv.Itoa(capacity)
	}
	return text
}

// roomText words what a host has room for.
func roomText(r workspaces.Room) string {
	free := int64(0)
	for _, space := range r.Spaces {
		free += space.RAMMB
	}
	switch {
	case !r.Known:
		return "The host does not tell its room."
	case r.Free == 0 || r.Spaces != nil && free == 0:
		return "Full: no room for another desktop."
	case r.Spaces == nil:
		return "Room for " + views.CountOf(r.Free, "more desktop") + "."
	case r.Free > 0 && r.Free < 10_000:
		return fmt.Sprintf("Room for %s, %d GB of memory free.", views.CountOf(r.Free, "more desktop"), free>>10)
	}
	return fmt.Sprintf("%d GB of memory free.", free>>10)
}

func testText(h hosts.Host) (string, views.Tone) {
	wrong := 0
	for _, check := range h.Checks {
		if !check.OK && !check.Warning {
			wrong++
		}
	}
	switch {
	case h.CheckedAt == nil:
		return "Not tested yet", views.ToneQuiet
	case wrong > 0:
		return views.CountOf(wrong, "problem"), views.ToneBad
	}
	return "Passed", views.ToneGood
}

// serverOf gathers everything about one host.
func (s *server) serverOf(ctx context.Context, h hosts.Host, form views.ServerForm) (views.Server, error) {
	form.ID, form.Action = h.ID.String(), serverPath(h.ID)
	page := views.Server{Form: form, Base: serverPath(h.ID), Images: h.Status != hosts.Retired && s.Hosts.MayCreate(ctx, h.ID)}
	counts, whole, err := s.Hosts.Desktops(ctx)
	if err != nil {
		return page, err
	}
	page.Line = s.serverLine(ctx, h, counts, whole)
	if h.CheckedAt != nil {
		page.Checked = "Tested " + whenUTC(*h.CheckedAt) + ". A test changes nothing on the host."
	}
	for _, check := range h.Checks {
		page.Checks = append(page.Checks, views.CheckLine{Name: check.Name, Text: check.Sentence, Tone: toneOf(check)})
	}
	if page.Images {
		if err := s.addPairs(ctx, h, &page); err != nil {
			return page, err
		}
	}
	strays, err := s.Hosts.Strays(ctx, h, straysShown)
	for _, d := range strays {
		page.Strays = append(page.Strays, views.StrayLine{At: whenUTC(d.At), Desktop: d.Desktop, User: d.User, State: d.State})
	}
	return page, err
}

func toneOf(c workspaces.HostCheck) views.Tone {
	switch {
	case c.OK:
		return views.ToneGood
	case c.Warning:
		return views.ToneWarn
	}
	return views.ToneBad
}

// addPairs adds which templates have no image in a size that is sold.
func (s *server) addPairs(ctx context.Context, h hosts.Host, page *views.Server) error {
	pairs, whole, err := s.Hosts.Matrix(ctx, h)
	if err != nil {
		return err
	}
	page.PairNote = "Compared are the plans of the catalogue and what each shop sells beside them."
	if !whole {
		page.PairNote = "Not every shop answered in time, so sizes that only some shops sell may be missing here."
	}
	for _, p := range pairs {
		page.Pairs = append(page.Pairs, views.PairLine{Template: p.Template, Source: p.Source, Size: sizeText(p.VCPU, p.RAMMB), Plans: strings.Join(p.Plans, ", "),
			There: p.Image != "", Makeable: p.Clonable, VCPU: strconv.Itoa(p.VCPU), RAMMB: strconv.Itoa(p.RAMMB)})
	}
	for _, p := range hosts.Missing(pairs) {
		page.Missing++
		if p.Clonable {
			page.Makeable++
		}
	}
	return nil
}

func sizeText(vcpu, ramMB int) string {
	if ramMB%1024 != 0 {
		return fmt.Sprintf("%d vCPU, %d MB", vcpu, ramMB)
	}
	return fmt.Sprintf("%d vCPU, %d GB", vcpu, ramMB/1024)
}

// actLimit bounds what an operator's button asks of a host.
const actLimit = 13 * time.Second
