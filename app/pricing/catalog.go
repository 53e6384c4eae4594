package pricing

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Shape is what the provider's catalogue offers to make plans of: a size of desktop
// with its wholesale price, and what resellers may do with it.
type Shape struct {
	ID             string           `db:"id"`
	Name           string           `db:"name"`
	Description    string           `db:"description"`
	WorkspaceType  string           `db:"workspace_type"` // developer, business
	VCPU           int              `db:"vcpu"`
	RAMMB          int              `db:"ram_mb"`
	Suggested      decimal.Decimal  `db:"price_per_hour"`
	Wholesale      decimal.Decimal  `db:"wholesale_price_per_hour"` // before any discount
	SuggestedMonth *decimal.Decimal `db:"price"`
	WholesaleMonth *decimal.Decimal `db:"wholesale_price"`
	FloorPrice     *decimal.Decimal `db:"floor_price_per_hour"`   // nil for none
	MinimumMarkup  *decimal.Decimal `db:"minimum_markup_percent"` // nil for what holds for all
	BlockSeconds   int              `db:"block_seconds"`
	MinimumBlock   int              `db:"minimum_block_seconds"`
	Driver         string           `db:"driver"`
	Status         string           `db:"status"`       // active, deprecated: no new plans
	InNewShops     bool             `db:"in_new_shops"` // a new shop begins with a plan of it
	Tiers          []string         `db:"tiers"`        // that may sell it; none for all
	SortOrder      int              `db:"sort_order"`

	Bound Floor           `db:"-"` // for the shop that asks
	Cost  decimal.Decimal `db:"-"` // of an hour, with the discount of the shop that asks
}

// For says whether a shop of a tier may make plans of the shape. The provider's own
// shop may sell whatever is not retired.
func (s Shape) For(t tenants.Tenant, tier string) bool {
	return s.Status == billing.PlanActive && (t.House || len(s.Tiers) == 0 || slices.Contains(s.Tiers, tier))
}

// Policy is what holds for all shapes that say nothing of their own.
type Policy struct {
	MinimumMarkup decimal.Decimal `db:"minimum_markup"` // percent on the wholesale price
	Refuse        bool            `db:"refuse"`         // prices below the floor are refused, not only warned of
}

// floorOf is the least price of a shape for a shop; the provider's own has none.
func (p Policy) floorOf(t tenants.Tenant, s Shape) Floor {
	if t.House {
		return Floor{}
	}
	floor := Floor{Markup: p.MinimumMarkup, Refuse: p.Refuse}
	if s.FloorPrice != nil {
		floor.Price = *s.FloorPrice
	}
	if s.MinimumMarkup != nil {
		floor.Markup = *s.MinimumMarkup
	}
	return floor
}

// SetPolicy changes what holds for all shapes. Errors: Invalid with minimum_markup.
func (s *Service) SetPolicy(ctx context.Context, actor string, p Policy) error {
	wrong := fail.Fields{}
	checkPercent(wrong, "minimum_markup", &p.MinimumMarkup)
	if err := wrong.Err(); err != nil {
		return err
	}
	return s.db.Central(ctx, func(tx tenants.CentralTx) error {
		if err := savePolicy(ctx, tx, p); err != nil {
			return err
		}
		rule := "warn"
		if p.Refuse {
			rule = "refuse"
		}
		return recordCentral(ctx, tx, actor, "catalog.policy", "", map[string]string{"minimum_markup": p.MinimumMarkup.String(), "below_floor": rule})
	})
}

var shapeID = regexp.MustCompile(`^[a-z][a-z0-9_]{2,38}$`)

// AddShape puts a shape into the catalogue. Shops that exist may make plans of it;
// those to come begin with one if it says so. Errors: Invalid with the fields of
// SetShape and id, workspace_type, vcpu, ram_mb.
func (s *Service) AddShape(ctx context.Context, actor string, n Shape) error {
	wrong := fail.Fields{}
	if !shapeID.MatchString(n.ID) {
		wrong.Add("id", "Use 3 to 39 small letters, digits and underlines, starting with a letter.")
	}
	if n.WorkspaceType != "developer" && n.WorkspaceType != "business" {
		wrong.Add("workspace_type", "Choose developer or business.")
	}
	if n.VCPU < 1 || n.VCPU > 256 {
		wrong.Add("vcpu", "Give 1 to 256.")
	}
	if n.RAMMB < 256 || n.RAMMB > 4<<20 {
		wrong.Add("ram_mb", "Give 256 to %d MB.", 4<<20)
	}
	if n.check(wrong); len(wrong) > 0 {
		return wrong.Err()
	}
	return s.changeCatalog(ctx, actor, "catalog.added", n, insertShape)
}

// SetShape changes everything about a shape but its size and its type, which plans
// have been made of. A wholesale price counts for sessions that begin from now on
// (R4). Errors: NotFound; Invalid with the fields name, description, price_per_hour,
// wholesale_price_per_hour, price, wholesale_price, floor_price_per_hour,
// minimum_markup_percent, block_seconds, minimum_block_seconds, driver, status, tiers.
func (s *Service) SetShape(ctx context.Context, actor string, n Shape) error {
	wrong := fail.Fields{}
	if n.check(wrong); len(wrong) > 0 {
		return wrong.Err()
	}
	return s.changeCatalog(ctx, actor, "catalog.changed", n, updateShape)
}

func (s *Service) changeCatalog(ctx context.Context, actor, action string, n Shape, write func(context.Context, tenants.CentralTx, Shape) error) error {
	n.Name, n.Description = strings.TrimSpace(n.Name), strings.TrimSpace(n.Description)
	err := s.db.Central(ctx, func(tx tenants.CentralTx) error {
		unknown, err := unknownTiers(ctx, tx, n.Tiers)
		if err == nil && len(unknown) > 0 {
			err = fail.Fields{"tiers": "There is no tier " + strings.Join(unknown, ", ") + "."}.Err()
		}
		if err != nil {
			return err
		}
		if err := write(ctx, tx, n); err != nil {
			return err
		}
		return recordCentral(ctx, tx, actor, action, n.ID, n.words())
	})
	if tenants.IsUnique(err, "catalog_plans_pkey") {
		return fail.Fields{"id": "The catalogue has a shape with this id already."}.Err()
	}
	if err != nil {
		return err
	}
	return s.db.Registry().Refresh(ctx)
}

func (s Shape) check(wrong fail.Fields) {
	if strings.TrimSpace(s.Name) == "" || !plain(s.Name, 60) {
		wrong.Add("name", "Give a name of 1 to 60 characters.")
	}
	if !plain(s.Description, 300) {
		wrong.Add("description", "Use at most 300 characters.")
	}
	for field, price := range map[string]*decimal.Decimal{"price_per_hour": &s.Suggested, "wholesale_price_per_hour": &s.Wholesale, "price": s.SuggestedMonth,
		"wholesale_price": s.WholesaleMonth, "floor_price_per_hour": s.FloorPrice} {
		if price != nil && (price.IsNegative() || price.GreaterThan(decimal.NewFromInt(mostAmount)) || price.Exponent() < -places) {
			wrong.Add(field, "Give a price from 0 to %d, with at most %d decimal places.", mostAmount, places)
		}
	}
	checkPercent(wrong, "minimum_markup_percent", s.MinimumMarkup)
	sizes := []int{60, 300, 600, 900, 1800, 3600}
	if !slices.Contains(sizes, s.BlockSeconds) {
		wrong.Add("block_seconds", "A block is 60, 300, 600, 900, 1800 or 3600 seconds.")
	}
	if !slices.Contains(sizes, s.MinimumBlock) {
		wrong.Add("minimum_block_seconds", "A block is 60, 300, 600, 900, 1800 or 3600 seconds.")
	}
	if s.Driver != "kasm" && s.Driver != "docker" {
		wrong.Add("driver", "Desktops are made by kasm or docker.")
	}
	if s.Status != billing.PlanActive && s.Status != billing.PlanRetired {
		wrong.Add("status", "A shape is active or deprecated.")
	}
}

func checkPercent(wrong fail.Fields, field string, d *decimal.Decimal) {
	if d != nil && (d.IsNegative() || d.GreaterThan(decimal.NewFromInt(mostPercent)) || d.Exponent() < -4) {
		wrong.Add(field, "Give 0 to %d percent, with at most 4 decimal places.", mostPercent)
	}
}

func plain(text string, longest int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= longest && !strings.ContainsFunc(text, unicode.IsControl)
}

// words are a shape's figures for the audit log.
func (s Shape) words() map[string]string {
	words := map[string]string{"price_per_hour": s.Suggested.String(), "wholesale_price_per_hour": s.Wholesale.String(), "status": s.Status}
	for name, d := range map[string]*decimal.Decimal{"price": s.SuggestedMonth, "wholesale_price": s.WholesaleMonth, "floor_price_per_hour": s.FloorPrice, "minimum_markup_percent": s.MinimumMarkup} {
		if d != nil {
			words[name] = d.String()
		}
	}
	if len(s.Tiers) > 0 {
		words["tiers"] = strings.Join(s.Tiers, " ")
	}
	return words
}
