package console

import (
	"context"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// Rolled says up to which midnight a shop's use is summed up by the day.
type Rolled struct {
	TimeZone string    `db:"time_zone"`
	Until    time.Time `db:"until"`
}

// RolledQ reads how far a shop's sums go; found is whether there are any.
func RolledQ(dst *Rolled, found *bool) tenants.Query {
	return tenants.FindQ(dst, found, `-- console.RolledQ
select time_zone, until from usage_rolled`)
}

// freshBlocks are the blocks that began in [$1, $2) and are in none of the sums, if the
// shop's zone is still $4: those of the last days, and those that were charged late.
// The two places they may be in are both found by time, without reading the rest.
const freshBlocks = `late as materialized (
    select starts_at, session_id, user_id, rate, wholesale_rate, seconds, currency from usage_blocks
    where charged_at >= (select until from usage_rolled where time_zone = $4) and charged_at < 'infinity'),
fresh as (
    select starts_at, session_id, user_id, rate, wholesale_rate, seconds from usage_blocks
    where starts_at >= greatest($1::timestamptz, (select until from usage_rolled where time_zone = $4)) and starts_at < $2 and currency = $3
    union all
    select starts_at, session_id, user_id, rate, wholesale_rate, seconds from late
    where starts_at >= $1 and starts_at < least($2::timestamptz, (select until from usage_rolled where time_zone = $4)) and currency = $3)`

// summed are the days of a table of sums that lie in [$1, $2).
const summed = `exists (select from usage_rolled where time_zone = $4)
    and day >= ($1::timestamptz at time zone $4)::date and day < ($2::timestamptz at time zone $4)::date and currency = $3`

// DaysQ sums the blocks that began in [from, to), both midnights in the zone, by the
// day. Days without any are left out. Each block is put into its day by comparing
// times, and seconds of one rate are added before they are multiplied: both are many
// times cheaper than reckoning with zones and decimals a block.
func DaysQ(dst *[]Day, from, to time.Time, zone *time.Location, currency string) tenants.Query {
	starts, names := midnights(from, to, zone)
	return tenants.ListQ(dst, `-- console.DaysQ
with `+freshBlocks+`
select day, sum(retail) / 3600 as retail, sum(wholesale) / 3600 as wholesale, sum(seconds)::bigint as seconds
from (select day, retail, wholesale, seconds from usage_days where `+summed+`
    union all
    select ($6::date[])[bucket], rate * seconds, wholesale_rate * seconds, seconds
    from (select width_bucket(starts_at, $5::timestamptz[]) as bucket, rate, wholesale_rate, sum(seconds) as seconds from fresh group by 1, 2, 3) f) d
group by day order by day`, from, to, currency, zone.String(), starts, names)
}

// PlansQ shares a span of whole days out among plans, by the name that each session
// began with.
func PlansQ(dst *[]Part, from, to time.Time, zone *time.Location, currency string) tenants.Query {
	return tenants.ListQ(dst, `-- console.PlansQ
with `+freshBlocks+`
select id, name, '' as email, sum(retail) / 3600 as retail, sum(wholesale) / 3600 as wholesale, sum(seconds)::bigint as seconds
from (select plan_id as id, plan_name as name, retail, wholesale, seconds from usage_days where `+summed+`
    union all
    select s.plan_id, s.plan_name, b.retail, b.wholesale, b.seconds
    from (select session_id, sum(rate * seconds) as retail, sum(wholesale_rate * seconds) as wholesale, sum(seconds) as seconds from fresh group by session_id) b
    join kasm_usage_sessions s on s.id = b.session_id) p
group by 1, 2 order by sum(retail) desc, name, id`, from, to, currency, zone.String())
}

// BuyersQ shares a span of whole days out among customers, those who pay most first;
// limit 0 is all.
func BuyersQ(dst *[]Part, from, to time.Time, zone *time.Location, currency string, limit int) tenants.Query {
	return tenants.ListQ(dst, `-- console.BuyersQ
with `+freshBlocks+`
select b.user_id as id, u.name, u.email, b.retail / 3600 as retail, b.wholesale / 3600 as wholesale, b.seconds
from (select user_id, sum(retail) as retail, sum(wholesale) as wholesale, sum(seconds)::bigint as seconds
    from (select user_id, retail, wholesale, seconds from usage_buyers where `+summed+`
        union all
        select user_id, rate * seconds, wholesale_rate * seconds, seconds
        from (select user_id, rate, wholesale_rate, sum(seconds) as seconds from fresh group by 1, 2, 3) f) a
    group by user_id order by sum(retail) desc, user_id limit nullif($5, 0)) b
join users u on u.id = b.user_id order by b.retail desc, b.user_id`, from, to, currency, zone.String(), limit)
}

// CrowdQ counts customers and desktops, and who used anything in a span of whole days.
func CrowdQ(dst *Crowd, from, to time.Time, zone *time.Location, currency string) tenants.Query {
	return tenants.GetQ(dst, "crowd", `-- console.CrowdQ
with `+freshBlocks+`
select (select count(*) from users where role = 'customer') as customers,
    (select count(*) from (select user_id from usage_buyers where `+summed+` union select user_id from fresh) b) as buyers,
    (select count(*) from kasm_workspaces where status <> 'terminated') as desktops,
    (select count(*) from kasm_usage_sessions where stopped_at is null) as running`, from, to, currency, zone.String())
}

// midnights are the beginnings of the days in the zone that [from, to) touches, and
// their dates.
func midnights(from, to time.Time, zone *time.Location) (starts []time.Time, names []string) {
	y, m, d := from.In(zone).Date()
	for n := 0; ; n++ {
		day := time.Date(y, m, d+n, 0, 0, 0, 0, zone)
		if !day.Before(to) {
			return starts, names
		}
		starts, names = append(starts, day), append(names, day.Format(time.DateOnly))
	}
}

// lockRolled gives how far the sums go, alone; ok is whether nobody else is at it.
func lockRolled(ctx context.Context, tx tenants.Tx, zone string, from time.Time) (r Rolled, ok bool, err error) {
	if _, err := tx.Exec(ctx, `-- console.lockRolled, begin
insert into usage_rolled (time_zone, until)
select $1, coalesce((select min(starts_at) from usage_blocks), $2) on conflict do nothing`, zone, from); err != nil {
		return r, false, err
	}
	return tenants.Find[Rolled](ctx, tx, `-- console.lockRolled
select time_zone, until from usage_rolled for update skip locked`)
}

// forgetRolled takes all sums away.
func forgetRolled(ctx context.Context, tx tenants.Tx) error {
	for _, sql := range []string{`-- console.forgetRolled
delete from usage_days`, `-- console.forgetRolled, buyers
delete from usage_buyers`, `-- console.forgetRolled, all
delete from usage_rolled`} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// roll adds to the sums what is before until and not yet in those that go up to was.
func roll(ctx context.Context, tx tenants.Tx, was, until time.Time, zone *time.Location) error {
	const more = `with late as materialized (
    select starts_at, session_id, user_id, rate, wholesale_rate, seconds, currency from usage_blocks where charged_at >= $1 and charged_at < $2),
more as (
    select starts_at, session_id, user_id, rate, wholesale_rate, seconds, currency from usage_blocks where starts_at >= $1 and starts_at < $2 and charged_at < $2
    union all
    select starts_at, session_id, user_id, rate, wholesale_rate, seconds, currency from late where starts_at < $1)
`
	if _, err := tx.Exec(ctx, `-- console.roll, days
`+more+`insert into usage_days as d (day, currency, plan_id, plan_name, retail, wholesale, seconds)
select b.day, b.currency, s.plan_id, s.plan_name, sum(b.retail), sum(b.wholesale), sum(b.seconds)
from (select (starts_at at time zone $3)::date as day, currency, session_id, sum(rate * seconds) as retail, sum(wholesale_rate * seconds) as wholesale, sum(seconds)::bigint as seconds from more group by 1, 2, 3) b
join kasm_usage_sessions s on s.id = b.session_id group by 1, 2, 3, 4
on conflict (day, currency, plan_id, plan_name) do update
set retail = d.retail + excluded.retail, wholesale = d.wholesale + excluded.wholesale, seconds = d.seconds + excluded.seconds`, was, until, zone.String()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `-- console.roll, buyers
`+more+`insert into usage_buyers as d (day, currency, user_id, retail, wholesale, seconds)
select (starts_at at time zone $3)::date, currency, user_id, sum(rate * seconds), sum(wholesale_rate * seconds), sum(seconds)::bigint from more group by 1, 2, 3
on conflict (day, currency, user_id) do update
set retail = d.retail + excluded.retail, wholesale = d.wholesale + excluded.wholesale, seconds = d.seconds + excluded.seconds`, was, until, zone.String()); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- console.roll
update usage_rolled set until = $1`, until)
	return err
}
