# shellcheck shell=bash
# Sourced after places.sh: what a command needs of the machine, and how it is got.

# Each line: how to see that it is there | Debian's packages | what it is for.
NEEDS=(
  "c_compiler|gcc libc6-dev|compiling the C parts (SQLite, TLS)"
  "python_with_venv|python3-venv|LocalStack, linters, the interop tests"
  "php_with_xml|php-cli php-xml|the Moodle plugin's checks"
  "has node|nodejs|the interop test against the npm library, the look at the pages"
  "has npm|npm|the interop test against the npm library, the look at the pages"
  "has java|default-jre-headless|the Nu checker for the pages"
  "has chromium|chromium|the pages in a browser"
  "has strace|strace|the tests and benchmarks with a slow or failing disk"
  "in_sbin xfs_io|xfsprogs|the tests with power cuts"
  "has eatmydata|eatmydata|their control group"
  "faketime_library|libfaketime|the test with a wall clock that is set"
)
# Needed where there is a Moodle code base, and asked for by moodle/tests-live/run.sh alone.
NEEDS_OF_MOODLE=(
  "php_of_moodle|php-cli php-curl php-gd php-intl php-mbstring php-pgsql php-mysql php-soap php-xml php-zip php-apcu|Moodle's command line"
  "in_sbin php-fpm|php-fpm|Moodle's pages"
  "in_sbin nginx|nginx-light|Moodle's pages"
  "postgres|postgresql|the database of a throwaway Moodle"
  "in_sbin mariadbd|mariadb-server|the database of a throwaway Moodle"
  "has phpunit|phpunit|the plugin's PHPUnit tests (Moodle 4.5's frame)"
  "australian|locales|Moodle's PHPUnit frame"
  "faketime_library|libfaketime|a wrong clock, among the faults"
  "apache_php|apache2 libapache2-mod-php|the cost of a page under mod_php"
)

# Debian puts these where only root looks, under a name with the version.
in_sbin() { compgen -G "/usr/sbin/$1*" >/dev/null || has "$1"; }
postgres() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || has postgres; }
faketime_library() { compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null; }
apache_php() { compgen -G '/usr/lib/apache2/modules/libphp*.so' >/dev/null; }
australian() { locale -a 2>/dev/null | grep -qi '^en_AU\.utf' || [[ -f /usr/share/i18n/locales/en_AU ]]; }
php_of_moodle() {
  has php && php -r 'exit(count(array_diff(["curl", "gd", "intl", "mbstring", "soap", "xml", "zip"], array_map("strtolower", get_loaded_extensions()))));'
}

# With the C library's headers: Debian's gcc only recommends them.
c_compiler() { has cc && printf '#include <stdlib.h>\n' | cc -x c -fsyntax-only - 2>/dev/null; }

php_with_xml() { php -r 'exit(class_exists("DOMDocument") ? 0 : 1);' 2>/dev/null; }

python_with_venv() { python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }

need_cargo() {
  has cargo || die "cargo is missing: install Rust 1.95 or newer with rustup, then run this again"
}

# need all, need LOOK…: gets what is missing, of all rows or of those that are seen by LOOK. As root on Debian by apt; else
# it names the one command, and goes on: each part looks for itself whether it can run.
need() {
  local row look purpose packages missing=() rows=("${NEEDS[@]}")
  [[ $1 == all ]] || rows+=("${NEEDS_OF_MOODLE[@]}")
  for row in "${rows[@]}"; do
    IFS='|' read -r look packages purpose <<<"$row"
    [[ $1 == all || " $* " == *" ${look#has } "* ]] || continue
    if ! $look; then
      read -ra packages <<<"$packages"
      missing+=("${packages[@]}")
      say "Missing: ${packages[*]} ($purpose)"
    fi
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  if [[ $(id -u) -eq 0 ]] && has apt-get; then
    say "Installing by apt, as root: ${missing[*]}"
    apt-get update -qq || say "apt-get update failed; trying with the lists that are here"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
      || say "apt-get could not install them all; going on with what is here"
  else
    say "One command gets them: sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
}
