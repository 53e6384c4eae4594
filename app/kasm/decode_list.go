package kasm

import (
	"encoding/json"
	"time"
)

// decodeListing refuses a list with a desktop whose id cannot be read: leaving it
// out would read as "that desktop is gone" and end its session.
func decodeListing(data []byte) (Listing, bool) {
	var now moment
	var kasms []Kasm
	present, whole := false, true
	ok := scan(data, func(r *reader, name []byte) {
		switch string(name) {
		case "current_time":
			give(&now, r)
		case "kasms":
			kasms, whole = make([]Kasm, 0, len(data)/typical), true
			present = r.array(func() {
				var w wireKasm
				w.read(r)
				whole = whole && w.ID != ""
				kasms = append(kasms, w.kasm())
			})
		}
	})
	if !ok || !present || !whole {
		return Listing{}, false
	}
	return Listing{CurrentTime: time.Time(now), Kasms: kasms}, true
}

// typical is about how many bytes a desktop takes in a list.
const typical = 1200

// give reads one value into a field in whatever shape it comes.
func give(field json.Unmarshaler, r *reader) { _ = field.UnmarshalJSON(r.raw()) }

// read takes the same fields as the struct's tags say, in one pass.
func (w *wireKasm) read(r *reader) {
	r.object(func(name []byte) {
		if field := w.field(name); field != nil {
			give(field, r)
			return
		}
		switch string(name) {
		case "client_settings":
			r.object(only("idle_disconnect", &w.Settings.IdleDisconnect, r))
		case "image":
			r.object(only("image_id", &w.Image.ID, r))
		case "user":
			r.object(func(name []byte) {
				switch string(name) {
				case "user_id":
					give(&w.User.ID, r)
				case "username":
					give(&w.User.Username, r)
				}
			})
		case "server":
			r.object(func(name []byte) {
				switch string(name) {
				case "server_id":
					give(&w.Server.ID, r)
				case "hostname":
					give(&w.Server.Hostname, r)
				case "zone_name":
					give(&w.Server.Zone, r)
				}
			})
		}
	})
}

func only(wanted string, field json.Unmarshaler, r *reader) func([]byte) {
	return func(name []byte) {
		if string(name) == wanted {
			give(field, r)
		}
	}
}

// field is where a value of a desktop's own goes, nil for what is not kept.
func (w *wireKasm) field(name []byte) json.Unmarshaler {
	switch string(name) {
	case "kasm_id":
		return &w.ID
	case "user_id":
		return &w.UserID
	case "username":
		return &w.Username
	case "image_id":
		return &w.ImageID
	case "operational_status":
		return &w.Operational
	case "start_date":
		return &w.StartDate
	case "created_date":
		return &w.Created
	case "keepalive_date":
		return &w.KeepaliveDate
	case "expiration_date":
		return &w.ExpirationDate
	case "connection_info":
		return &w.ConnectionInfo
	case "cores":
		return &w.Cores
	case "memory":
		return &w.Memory
	case "memory_bytes":
		return &w.MemoryBytes
	case "hostname":
		return &w.Hostname
	case "server_id":
		return &w.ServerID
	case "share_id":
		return &w.ShareID
	case "zone_name":
		return &w.Zone
	}
	return nil
}
