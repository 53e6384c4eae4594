package hosts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// imagesEvery is how often the images of every host are read again.
const imagesEvery = 10 * time.Minute

// Run follows what other programs change about the hosts, and keeps what the hosts
// make desktops from up to date, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { _ = s.DB.Listen(ctx, channel, func(string) { s.forget() }) })
	again := time.NewTicker(imagesEvery)
	defer again.Stop()
	for {
		s.syncAll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

func (s *Service) syncAll(ctx context.Context) {
	fleet, err := s.Hosts(ctx)
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "the images of the desktop hosts were not read", "error", err)
	}
	for _, h := range fleet {
		if err := s.SyncImages(ctx, h.ID); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "the images of a desktop host could not be read", "host", h.Name, "error", err)
		}
	}
}

// SyncImages reads what a host makes desktops from. One that does not tell keeps
// what is written. Errors: NotFound, Unavailable.
func (s *Service) SyncImages(ctx context.Context, id uuid.UUID) error {
	_, driver, err := s.driverOf(ctx, id)
	if err != nil {
		return err
	}
	imager, ok := driver.(Imager)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	images, err := imager.Images(ctx)
	if err != nil {
		return refusal(err)
	}
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error { return replaceImages(ctx, tx, id, images, s.Now()) })
}

// Images gives what a host made desktops from when it was last asked.
func (s *Service) Images(ctx context.Context, id uuid.UUID) (images []workspaces.HostImage, err error) {
	return images, s.DB.CentralRead(ctx, imagesQ(&images, id))
}

// MayCreate tells whether images can be made on hosts like this one.
func (s *Service) MayCreate(ctx context.Context, id uuid.UUID) bool {
	_, driver, err := s.driverOf(ctx, id)
	_, ok := driver.(Imager)
	return err == nil && ok
}

// Pair is a template in a size that is sold, and the image that makes it on a host.
type Pair struct {
	Template string   // name
	Source   string   // what the host calls it
	Plans    []string // which plans have this size
	VCPU     int
	RAMMB    int
	Image    string // its id on the host, "" for none
	Clonable bool   // the host has it in another size
}

// sold is one plan with one template that fits it, as a shop sells them.
type sold struct {
	Source   string `db:"kasm_template_id"`
	Template string `db:"template"`
	Plan     string `db:"plan"`
	VCPU     int    `db:"vcpu"`
	RAMMB    int    `db:"ram_mb"`
}

// offered is a plan of the catalogue.
type offered struct {
	Name  string `db:"name"`
	Type  string `db:"workspace_type"`
	VCPU  int    `db:"vcpu"`
	RAMMB int    `db:"ram_mb"`
}

// made is a template of the provider's own shop.
type made struct {
	Name   string `db:"name"`
	Type   string `db:"workspace_type"`
	Source string `db:"kasm_template_id"`
}

// Matrix compares a host's images with every plan and template that are sold on
// hosts of its kind: the catalogue's plans with the templates of the provider's own
// shop, and what each shop sells beside. whole is false when not every shop answered
// in time.
func (s *Service) Matrix(ctx context.Context, h Host) (pairs []Pair, whole bool, err error) {
	images, err := s.Images(ctx, h.ID)
	if err != nil {
		return nil, false, err
	}
	all := map[pairKey]*Pair{}
	if err := s.catalogue(ctx, h.Kind, all); err != nil {
		return nil, false, err
	}
	query := func(dst *[]sold) tenants.Query { return soldQ(dst, h.Kind) }
	whole, err = eachShop(ctx, s.DB, query, func(_ tenants.Tenant, p sold) { note(all, p) })
	if err != nil {
		return nil, false, err
	}
	for _, p := range all {
		p.find(images)
		pairs = append(pairs, *p)
	}
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.Template, b.Template), cmp.Compare(a.VCPU, b.VCPU), cmp.Compare(a.RAMMB, b.RAMMB), cmp.Compare(a.Source, b.Source))
	})
	return pairs, whole, nil
}

type pairKey struct {
	source      string
	vcpu, ramMB int
}

// note adds what is sold to the pairs, each template and size once.
func note(all map[pairKey]*Pair, p sold) {
	key := pairKey{p.Source, p.VCPU, p.RAMMB}
	pair := all[key]
	if pair == nil {
		pair = &Pair{Template: p.Template, Source: p.Source, VCPU: p.VCPU, RAMMB: p.RAMMB}
		all[key] = pair
	}
	if !slices.Contains(pair.Plans, p.Plan) {
		pair.Plans = append(pair.Plans, p.Plan)
		slices.Sort(pair.Plans)
	}
}

func (p *Pair) find(images []workspaces.HostImage) {
	for _, i := range images {
		if p.Image == "" && i.Makes(p.Source, p.VCPU, p.RAMMB) {
			p.Image = i.ID
		}
		p.Clonable = p.Clonable || i.Named(p.Source)
	}
}

// catalogue adds what a new shop would sell.
func (s *Service) catalogue(ctx context.Context, kind string, all map[pairKey]*Pair) error {
	house, ok := s.DB.Registry().House()
	if !ok {
		return nil
	}
	var plans []offered
	var templates []made
	if err := s.DB.CentralRead(ctx, catalogueQ(&plans, kind)); err != nil {
		return err
	}
	if err := s.DB.Read(ctx, house, templatesQ(&templates)); err != nil {
		return err
	}
	for _, t := range templates {
		for _, p := range plans {
			if p.Type == t.Type {
				note(all, sold{Source: t.Source, Template: t.Name, Plan: p.Name, VCPU: p.VCPU, RAMMB: p.RAMMB})
			}
		}
	}
	return nil
}

// Missing gives the pairs without an image.
func Missing(pairs []Pair) (missing []Pair) {
	for _, p := range pairs {
		if p.Image == "" {
			missing = append(missing, p)
		}
	}
	return missing
}

// CreateImages makes the images that the host lacks: of one template in one size,
// or of all when source is "". It tells how many were made, also beside an error.
// Errors: NotFound, Invalid for a pair that nobody sells, Conflict where the host
// cannot make it, Unavailable.
func (s *Service) CreateImages(ctx context.Context, id uuid.UUID, source string, vcpu, ramMB int, operator string) (created int, err error) {
	h, err := s.Get(ctx, id)
	if err != nil {
		return 0, err
	}
	_, driver, err := s.driverOf(ctx, id)
	if err != nil {
		return 0, err
	}
	imager, ok := driver.(Imager)
	if !ok {
		return 0, fail.New(fail.Conflict, "Images cannot be made on hosts of this kind.")
	}
	if err := s.SyncImages(ctx, id); err != nil {
		return 0, err
	}
	pairs, _, err := s.Matrix(ctx, h)
	if err != nil {
		return 0, err
	}
	wanted, err := chosen(pairs, source, vcpu, ramMB)
	for _, p := range wanted {
		if err = s.createImage(ctx, h, imager, p, operator); err != nil {
			break
		}
		created++
	}
	if created > 0 {
		err = errors.Join(err, s.SyncImages(ctx, id))
	}
	return created, err
}

// chosen gives the pairs that are to be made. Of all that are missing, those that
// there is nothing to make from are left out when others can be made.
func chosen(pairs []Pair, source string, vcpu, ramMB int) ([]Pair, error) {
	missing := Missing(pairs)
	if source == "" {
		missing = slices.DeleteFunc(missing, func(p Pair) bool { return !p.Clonable })
		if len(missing) == 0 {
			return nil, fail.New(fail.Conflict, "There is nothing that can be made: every size is there, or its template has no image of any size on this host.")
		}
		return missing, nil
	}
	is := func(p Pair) bool { return p.Source == source && p.VCPU == vcpu && p.RAMMB == ramMB }
	if !slices.ContainsFunc(pairs, is) {
		return nil, fail.New(fail.Invalid, "Nobody sells this template in this size.")
	}
	return slices.DeleteFunc(missing, func(p Pair) bool { return !is(p) }), nil
}

func (s *Service) createImage(ctx context.Context, h Host, imager Imager, p Pair, operator string) error {
	image, err := imager.CreateImage(ctx, p.Source, p.VCPU, p.RAMMB)
	if err != nil {
		return refusal(err)
	}
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		return record(ctx, tx, operator, "host.image_created", h.Name, map[string]any{"id": h.ID, "image": image, "template": p.Source, "vcpu": p.VCPU, "ram_mb": p.RAMMB})
	})
}

// refusal makes a host's answer one for the operator.
func refusal(err error) error {
	var host *workspaces.HostError
	if !errors.As(err, &host) {
		return err
	}
	if host.Kind == workspaces.HostUnavailable {
		return fail.Wrap(err, fail.Unavailable, "The host gave no proper answer: %s", host.Message)
	}
	return fail.Wrap(err, fail.Conflict, "The host refused: %s", host.Message)
}
