package kasm

import (
	"net/url"
	"strings"
	"time"
)

type wireImage struct {
	ID           ident  `json:"image_id"`
	Name         text   `json:"name"`
	FriendlyName text   `json:"friendly_name"`
	Type         text   `json:"image_type"`
	Enabled      *flag  `json:"enabled"`
	Available    flag   `json:"available"`
	Hidden       flag   `json:"hidden"`
	Cores        number `json:"cores"`
	Memory       number `json:"memory"`
	MemoryBytes  number `json:"memory_bytes"`
	GPUs         number `json:"gpu_count"`
	ProfilePath  text   `json:"persistent_profile_path"`
}

type wireUser struct {
	ID        ident  `json:"user_id"`
	Username  text   `json:"username"`
	FirstName text   `json:"first_name"`
	LastName  text   `json:"last_name"`
	Locked    flag   `json:"locked"`
	Disabled  flag   `json:"disabled"`
	Created   moment `json:"created"`
	Kasms     list[struct {
		ID ident `json:"kasm_id"`
	}] `json:"kasms"`
	Groups list[wireGroup] `json:"groups"`
}

type wireKasm struct {
	ID             ident  `json:"kasm_id"`
	UserID         ident  `json:"user_id"`
	Username       text   `json:"username"`
	ImageID        ident  `json:"image_id"`
	Operational    text   `json:"operational_status"`
	StartDate      moment `json:"start_date"`
	Created        moment `json:"created_date"`
	KeepaliveDate  moment `json:"keepalive_date"`
	ExpirationDate moment `json:"expiration_date"`
	ConnectionInfo viewed `json:"connection_info"`
	Cores          number `json:"cores"`
	Memory         number `json:"memory"`
	MemoryBytes    number `json:"memory_bytes"`
	Hostname       text   `json:"hostname"`
	ServerID       ident  `json:"server_id"`
	ShareID        text   `json:"share_id"`
	Zone           text   `json:"zone_name"`
	Settings       struct {
		IdleDisconnect number `json:"idle_disconnect"` // minutes, a float
	} `json:"client_settings"`
	User struct {
		ID       ident `json:"user_id"`
		Username text  `json:"username"`
	} `json:"user"`
	Image struct {
		ID ident `json:"image_id"`
	} `json:"image"`
	Server struct {
		ID       ident `json:"server_id"`
		Hostname text  `json:"hostname"`
		Zone     text  `json:"zone_name"`
	} `json:"server"`
}

func decodeImages(data []byte) ([]Image, bool) {
	var answer struct {
		Images list[wireImage] `json:"images"`
	}
	if !lenient(data, &answer) || !answer.Images.present {
		return nil, false
	}
	images := make([]Image, 0, len(answer.Images.items))
	for _, w := range answer.Images.items {
		if w.ID != "" {
			images = append(images, w.image())
		}
	}
	return images, true
}

func (w wireImage) image() Image {
	return Image{
		ID: string(w.ID), Name: string(w.Name), FriendlyName: string(w.FriendlyName), Type: string(w.Type),
		Enabled: w.Enabled == nil || bool(*w.Enabled), Available: bool(w.Available), Hidden: bool(w.Hidden),
		Cores: float64(max(w.Cores, 0)), MemoryBytes: either(w.MemoryBytes, w.Memory), GPUs: int(min(w.GPUs.int64(), 1024)), ProfilePath: string(w.ProfilePath),
	}
}

func either(a, b number) int64 {
	if a != 0 {
		return a.int64()
	}
	return b.int64()
}

func decodeUser(data []byte) (User, bool) {
	var answer struct {
		User wireUser `json:"user"`
	}
	if !lenient(data, &answer) || answer.User.ID == "" {
		return User{}, false
	}
	return answer.User.user(), true
}

func (w wireUser) user() User {
	u := User{
		ID: string(w.ID), Username: string(w.Username), FirstName: string(w.FirstName), LastName: string(w.LastName),
		Locked: bool(w.Locked), Disabled: bool(w.Disabled), Created: time.Time(w.Created),
	}
	for _, k := range w.Kasms.items {
		if k.ID != "" {
			u.KasmIDs = append(u.KasmIDs, string(k.ID))
		}
	}
	for _, g := range w.Groups.items {
		if g.ID != "" {
			u.Groups = append(u.Groups, g.group())
		}
	}
	return u
}

func (w *wireKasm) kasm() Kasm {
	k := Kasm{
		ID: string(w.ID), UserID: string(w.UserID), Username: string(w.Username), ImageID: string(w.ImageID),
		Operational: string(w.Operational), StartDate: time.Time(w.StartDate), Created: time.Time(w.Created),
		KeepaliveDate: time.Time(w.KeepaliveDate), ExpirationDate: time.Time(w.ExpirationDate),
		InUse: w.ConnectionInfo.now, UseKnown: w.ConnectionInfo.known, Cores: float64(max(w.Cores, 0)), MemoryBytes: either(w.MemoryBytes, w.Memory), Hostname: string(w.Hostname), ServerID: string(w.ServerID),
		ShareID: string(w.ShareID), Zone: string(w.Zone), IdleDisconnect: minutes(w.Settings.IdleDisconnect),
	}
	if k.UserID == "" {
		k.UserID = string(w.User.ID)
	}
	if k.Username == "" {
		k.Username = string(w.User.Username)
	}
	if k.ImageID == "" {
		k.ImageID = string(w.Image.ID)
	}
	if k.Hostname == "" {
		k.Hostname = string(w.Server.Hostname)
	}
	if k.Zone == "" {
		k.Zone = string(w.Server.Zone)
	}
	if k.ServerID == "" {
		k.ServerID = string(w.Server.ID)
	}
	return k
}

// minutes turns Kasm's float of minutes into a duration; more than a year is none.
func minutes(n number) time.Duration {
	if n <= 0 || n > 366*24*60 {
		return 0
	}
	return time.Duration(float64(n) * float64(time.Minute))
}

func decodeRequested(data []byte, base *url.URL) (Requested, bool) {
	var w struct {
		KasmID      ident `json:"kasm_id"`
		Status      text  `json:"status"`
		Operational text  `json:"operational_status"`
		UserID      ident `json:"user_id"`
		Username    text  `json:"username"`
		ShareID     text  `json:"share_id"`
		URL         text  `json:"kasm_url"`
	}
	if !lenient(data, &w) || w.KasmID == "" {
		return Requested{}, false
	}
	r := Requested{KasmID: string(w.KasmID), Status: string(w.Status), UserID: string(w.UserID), Username: string(w.Username), ShareID: string(w.ShareID), Link: absolute(base, string(w.URL))}
	if r.Status == "" {
		r.Status = string(w.Operational)
	}
	return r, true
}

func decodeStatus(data []byte, base *url.URL) (Status, bool) {
	var w struct {
		Operational text     `json:"operational_status"`
		Message     text     `json:"operational_message"`
		Progress    number   `json:"operational_progress"`
		URL         text     `json:"kasm_url"`
		Kasm        wireKasm `json:"kasm"`
	}
	if !lenient(data, &w) {
		return Status{}, false
	}
	s := Status{
		Operational: string(w.Operational), Message: clean(string(w.Message)), Progress: int(min(w.Progress.int64(), 100)),
		Link: absolute(base, string(w.URL)), Kasm: w.Kasm.kasm(),
	}
	if s.Operational == "" {
		s.Operational = s.Kasm.Operational
	}
	if s.Operational == StateRunning {
		s.Progress = 100
	}
	return s, s.Operational != ""
}

// absolute makes Kasm's link usable from anywhere; Kasm gives only the part after
// the host. Anything that is not a web address becomes "".
func absolute(base *url.URL, link string) Link {
	if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") && !strings.HasPrefix(link, `/\`) {
		return Link(base.String() + link)
	}
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return Link(u.String())
}

func decodeUsageReached(data []byte) bool {
	var w struct {
		UsageReached flag `json:"usage_reached"`
	}
	lenient(data, &w)
	return bool(w.UsageReached)
}
