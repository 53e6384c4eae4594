package ledger

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// HeldBlock is what is reserved for a block that has not begun (R14). StartsAt is nil
// while its desktop is on its way.
type HeldBlock struct {
	WorkspaceID uuid.UUID       `db:"workspace_id"`
	PlanName    string          `db:"plan_name"`
	BlockNo     int             `db:"block_no"`
	StartsAt    *time.Time      `db:"starts_at"`
	Price       decimal.Decimal `db:"price"` // with tax; a part of it from bonus credit
	Bonus       decimal.Decimal `db:"bonus"`
	Currency    string          `db:"currency"`
}

// HeldQ reads what is reserved of a customer's credit, the earliest block first.
func HeldQ(dst *[]HeldBlock, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- ledger.HeldQ
		select h.workspace_id, p.name as plan_name, h.block_no, h.starts_at, h.price, h.bonus, h.currency
		from block_holds h join kasm_workspaces w on w.id = h.workspace_id join plans p on p.id = w.plan_id
		where h.user_id = $1
		order by h.starts_at nulls first, h.created_at, h.workspace_id
		limit 100`, user)
}
