package config

// Setting is one setting as it is shown.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`   // exact; Load reads it back
	Origin  string `json:"origin"`  // default, config.toml:LINE, env NAME, flag --NAME
	Unit    string `json:"unit"`    // what a plain number counts; empty for words
	Doc     string `json:"doc"`     // what it does
	Costs   string `json:"costs"`   // what raising it costs
	Allowed string `json:"allowed"` // bounds or choices, in words
	Default string `json:"default"`
}

// Show returns every setting with its value and where it came from, in the
// order of docs/configuration.md.
func (c *Config) Show() []Setting {
	var all []Setting
	for _, f := range fields() {
		all = append(all, Setting{
			Key: f.key, Value: f.text(c), Origin: c.origin(f.key), Unit: f.unit,
			Doc: f.does, Costs: f.costs, Allowed: f.allowed(), Default: f.fallback,
		})
	}
	return all
}

// Flag is the command-line form of a setting.
type Flag struct {
	Name    string // without dashes; a key of Load's flags
	Key     string // of the setting
	Usage   string // what it does, and the default
	Choices []string
}

// Flags returns a flag for every setting, for a command line to offer.
func Flags() []Flag {
	var all []Flag
	for _, f := range fields() {
		usage := f.does
		if f.fallback != "" {
			usage += " (default " + f.fallback + ")"
		}
		all = append(all, Flag{Name: f.flagName(), Key: f.key, Usage: usage, Choices: f.choices})
	}
	return all
}
