// Package seed is data, not code: the sample resellers of the demonstration,
// with their brands, prices, people and habits.
package seed

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed demo.json
var demo []byte

// Reseller is one sample shop.
type Reseller struct {
	Name      string            `json:"name"`
	Slug      string            `json:"slug"`
	Owner     Person            `json:"owner"`
	TimeZone  string            `json:"time_zone"`
	Currency  string            `json:"currency"`
	Primary   string            `json:"primary"`
	Secondary string            `json:"secondary"`
	Support   string            `json:"support"`
	Phone     string            `json:"phone"`
	Prices    map[string]string `json:"prices"`    // plan → retail price an hour, a decimal
	Fee       string            `json:"fee"`       // agreed platform fee a month, a decimal; empty is the tier's
	CycleDay  int               `json:"cycle_day"` // on which its bill comes; 0 is the first
	Customers []Customer        `json:"customers"`
}

// Person is somebody with a mail address.
type Person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Customer is a sample customer: what they run, and how they work.
type Customer struct {
	Person
	Plan     string `json:"plan"`
	Template string `json:"template"`
	Credit   string `json:"credit"`  // granted at the start of each month, a decimal
	Days     []int  `json:"days"`    // days of the week they work, Sunday is 0
	Hour     int    `json:"hour"`    // of the shop's zone, when they tend to begin
	Minutes  int    `json:"minutes"` // how long a session tends to last
	Every    int    `json:"every"`   // of those days, every how many they work
}

// Demo gives the sample resellers.
func Demo() ([]Reseller, error) {
	var out []Reseller
	if err := json.Unmarshal(demo, &out); err != nil {
		return nil, fmt.Errorf("read the sample resellers: %w", err)
	}
	return out, nil
}
