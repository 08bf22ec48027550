package plan

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// decoder fills a Plan from a tree, and remembers where each value stood.
type decoder struct {
	problems Problems
	places   map[string]Position // by dotted path
}

func (d *decoder) problem(at Position, format string, args ...any) {
	d.problems = append(d.problems, Problem{at, fmt.Sprintf(format, args...)})
}

// isSet reports whether the scenario has a value for the dotted path.
func (d *decoder) isSet(path string) bool {
	_, ok := d.places[path]
	return ok
}

// at returns where a dotted path stands, or what it is part of.
func (d *decoder) at(path string) Position {
	for {
		if at, ok := d.places[path]; ok || path == "" {
			return at
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// value decodes n into v, which holds the default.
func (d *decoder) value(n *node, v reflect.Value, tag reflect.StructTag, path string) {
	d.places[path] = n.at
	switch v.Kind() {
	case reflect.Pointer:
		fresh := newWithDefaults(v.Type().Elem())
		d.value(n, fresh.Elem(), tag, path)
		v.Set(fresh)
	case reflect.Struct:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, tag, path)
	default:
		d.scalar(n, v, tag, path)
	}
}

// newWithDefaults returns a pointer to a new t, with what it has by default.
func newWithDefaults(t reflect.Type) reflect.Value {
	fresh := reflect.New(t)
	switch value := fresh.Interface().(type) {
	case *Workload:
		*value = defaultWorkload()
	case *Loss:
		*value = defaultLoss()
	case *Chaos:
		*value = defaultChaos()
	}
	return fresh
}

func (d *decoder) mapping(n *node, v reflect.Value, path string) {
	if n.form != formMapping {
		d.problem(n.at, "%s has keys of its own: %s", what(path), strings.Join(keysOf(v.Type()), ", "))
		return
	}
	for _, e := range n.entries {
		field, ok := fieldOf(v.Type(), e.key)
		if !ok {
			d.problem(e.at, "unknown key %q: %s has %s", e.key, what(path),
				strings.Join(keysOf(v.Type()), ", "))
			continue
		}
		d.value(e.value, v.FieldByIndex(field.Index), field.Tag, join(path, e.key))
	}
}

func what(path string) string {
	if path == "" {
		return "a scenario"
	}
	return path
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if field := t.Field(i); key != "" && field.Tag.Get("key") == key {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("key"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

func (d *decoder) list(n *node, v reflect.Value, tag reflect.StructTag, path string) {
	if n.form != formList {
		d.problem(n.at, "%s is a list", path)
		return
	}
	low, high := numericBounds(tag.Get("len"))
	if count := float64(len(n.items)); count < low || count > high {
		d.problem(n.at, "%s has %d items, want %g to %g", path, len(n.items), low, high)
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.items))
	for i, item := range n.items {
		fresh := newWithDefaults(v.Type().Elem()).Elem()
		// The bound of len is that of the list.
		inner := reflect.StructTag(fmt.Sprintf(`one:%q`, tag.Get("one")))
		d.value(item, fresh, inner, join(path, strconv.Itoa(i)))
		list = reflect.Append(list, fresh)
	}
	v.Set(list)
}

func (d *decoder) scalar(n *node, v reflect.Value, tag reflect.StructTag, path string) {
	if n.form == formMapping || n.form == formList {
		d.problem(n.at, "%s is %s", path, typeWords(v))
		return
	}
	if n.form == formText && v.Kind() != reflect.String {
		d.problem(n.at, "%s is %s, not a text: leave out the quotes", path, typeWords(v))
		return
	}
	value, err := parseScalar(n.text, v.Type())
	if err != nil {
		d.problem(n.at, "%s is %s, not %q", path, typeWords(v), n.text)
		return
	}
	if text := outside(n.text, value, tag); text != "" {
		d.problem(n.at, "%s is %s, want %s", path, n.text, text)
		return
	}
	v.Set(value)
}

var durationType = reflect.TypeFor[time.Duration]()

func typeWords(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration like 10s, 5m or 30d"
	case v.Kind() == reflect.String:
		return "a text"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.Kind() == reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

func parseScalar(text string, t reflect.Type) (reflect.Value, error) {
	v := reflect.New(t).Elem()
	var err error
	switch t.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return v, strconv.ErrSyntax
		}
		v.SetBool(text == "true")
	case reflect.Float64:
		var value float64
		value, err = strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
		if math.IsNaN(value) || math.IsInf(value, 0) {
			err = strconv.ErrRange
		}
		v.SetFloat(value)
	case reflect.Uint64:
		var value uint64
		value, err = strconv.ParseUint(strings.ReplaceAll(text, "_", ""), 10, 64)
		v.SetUint(value)
	case reflect.Int, reflect.Int64:
		var value int64
		if t == durationType {
			var duration time.Duration
			duration, err = parseDuration(text)
			value = int64(duration)
		} else {
			value, err = strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
		}
		v.SetInt(value)
	default:
		panic(fmt.Sprintf("plan: no scalar is a %s", t))
	}
	return v, err
}

// parseDuration reads what time.ParseDuration does, and days.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 14)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// outside says what was wanted instead, when a value is not allowed.
func outside(text string, v reflect.Value, tag reflect.StructTag) string {
	if one := tag.Get("one"); one != "" {
		words := strings.Split(one, ",")
		if !slices.Contains(words, text) {
			return "one of " + strings.Join(words, ", ")
		}
		return ""
	}
	if bounds := tag.Get("in"); bounds != "" && v.Type() == durationType {
		low, high := durationBounds(bounds)
		if d := time.Duration(v.Int()); d < low || d > high {
			return words(bounds)
		}
	} else if bounds != "" {
		low, high := numericBounds(bounds)
		if number := numberOf(v); number < low || number > high {
			return words(bounds)
		}
	}
	if bounds := tag.Get("len"); bounds != "" {
		low, high := numericBounds(bounds)
		if n := float64(utf8.RuneCountInString(v.String())); n < low || n > high {
			return words(bounds) + " letters"
		}
	}
	return ""
}

func numberOf(v reflect.Value) float64 {
	switch v.Kind() {
	case reflect.Float64:
		return v.Float()
	case reflect.Uint64:
		return float64(v.Uint())
	}
	return float64(v.Int())
}

func words(bounds string) string { return strings.Replace(bounds, "..", " to ", 1) }

// numericBounds and durationBounds read the tags of Plan, which are right.
func numericBounds(bounds string) (low, high float64) {
	first, second, _ := strings.Cut(bounds, "..")
	low, err := strconv.ParseFloat(first, 64)
	if err == nil {
		high, err = strconv.ParseFloat(second, 64)
	}
	if err != nil {
		panic("plan: bad tag: " + bounds)
	}
	return low, high
}

func durationBounds(bounds string) (low, high time.Duration) {
	first, second, _ := strings.Cut(bounds, "..")
	low, err := parseDuration(first)
	if err == nil {
		high, err = parseDuration(second)
	}
	if err != nil {
		panic("plan: bad tag: " + bounds)
	}
	return low, high
}
