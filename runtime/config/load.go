package config

import (
	"path/filepath"
	"slices"
	"strings"
)

const (
	envPrefix     = "NOISEFS_"
	originDefault = "default"
)

// Load reads the configuration of the repository in repoDir: defaults, then
// repoDir's config.toml if there is one, then env (NAME=value, as os.Environ
// gives it), then flags (by name without dashes, as [Flags] lists them; only
// those that were given).
//
// The result is valid. The error is [Problems] with everything that is
// wrong, or that of reading the file.
func Load(repoDir string, env []string, flags map[string]string) (*Config, error) {
	data, err := readFile(filepath.Join(repoDir, FileName))
	if err != nil {
		return nil, err
	}
	c := Default()
	doc := parse(data)
	problems := doc.apply(c, FileName)
	problems = append(problems, c.applyEnv(env)...)
	problems = append(problems, c.applyFlags(flags)...)
	if err := problems.orNil(); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// Check returns everything that is wrong with the file at path, in the order
// of its lines, without regard to environment and flags. A file that is not
// there has no problems. The error is that of reading the file.
func Check(path string) (Problems, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return check(data, filepath.Base(path)), nil
}

func check(data []byte, name string) Problems {
	c := Default()
	doc := parse(data)
	problems := doc.apply(c, name)
	// Even beside other problems: each left its setting at the default.
	for _, p := range c.conflicts() {
		for _, e := range doc.entries {
			if e.key == p.Key {
				p.Line = e.line
			}
		}
		problems = append(problems, p)
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems
}

// applyEnv takes NOISEFS_ variables. Other parts of the program have some of
// their own (NOISEFS_REPO), so an unknown one is a problem only when it looks
// like a setting misspelt.
func (c *Config) applyEnv(env []string) Problems {
	var problems Problems
	byEnv := make(map[string]field)
	var names []string
	for _, f := range fields() {
		byEnv[f.env()] = f
		names = append(names, strings.TrimPrefix(f.env(), envPrefix))
	}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if value == "" || !strings.HasPrefix(name, envPrefix) {
			continue
		}
		origin := "env " + shorten(name)
		f, known := byEnv[name]
		if !known {
			// Compared without the prefix: it would make all names alike.
			hint := suggest(strings.TrimPrefix(name, envPrefix), names)
			if hint != "" {
				hint = strings.Replace(hint, "mean ", "mean "+envPrefix, 1)
				problems = append(problems, Problem{Origin: origin, Text: "unknown setting" + hint})
			}
			continue
		}
		if err := f.set(c, value); err != nil {
			problems = append(problems, Problem{Key: f.key, Origin: origin, Text: reason(err)})
			continue
		}
		c.origins[f.key] = origin
	}
	return problems
}

func (c *Config) applyFlags(flags map[string]string) Problems {
	var problems Problems
	left := make(map[string]string, len(flags))
	for name, value := range flags {
		left[name] = value
	}
	var names []string
	for _, f := range fields() {
		name := f.flagName()
		names = append(names, name)
		value, given := left[name]
		if !given {
			continue
		}
		delete(left, name)
		origin := "flag --" + name
		if err := f.set(c, value); err != nil {
			problems = append(problems, Problem{Key: f.key, Origin: origin, Text: reason(err)})
			continue
		}
		c.origins[f.key] = origin
	}
	unknown := make([]string, 0, len(left))
	for name := range left {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		problems = append(problems, Problem{
			Origin: "flag --" + shorten(name), Text: "unknown setting" + suggest(name, names),
		})
	}
	return problems
}

func fieldsByKey() map[string]field {
	byKey := make(map[string]field)
	for _, f := range fields() {
		byKey[f.key] = f
	}
	return byKey
}

func keys() []string {
	var all []string
	for _, f := range fields() {
		all = append(all, f.key)
	}
	return all
}
