/** Shell scripts of the sandbox: the last step into it, and the program of its trial. POSIX `sh`, with no command but `mount` and `mkdir`. */

/**
 * Arguments: descriptors, or '' for no limits; the `mount` command; `yes` where nothing is to be writable; hidden paths, each
 * followed by what stays visible in it, with a `+` before; `--`; the program.
 * It ends with an error where a mount refuses: the decoder does not run without its covers.
 *
 * `/proc` stays as it is: its files are of the kernel, and those that lie under a new one cannot be reached. A folder with
 * visible parts is put together elsewhere, while those can still be seen, and moved there. `-n`: the table of mounts
 * in `/run` belongs to the system.
 */
export const ENTER = `set -e
umask 022
if [ -n "$1" ]; then ulimit -c 0; ulimit -n "$1"; fi
mount=$2
if [ "$3" = yes ]; then
  while read -r id parent device root place options rest; do
    case $place in /proc | /proc/*) continue ;; esac
    case $options in ro | ro,*) continue ;; esac
    place=$(printf %b "$place")
    [ -e "$place" ] || continue
    "$mount" -n -o remount,bind,ro "$place"
  done </proc/self/mountinfo
fi
shift 3
while [ "$1" != -- ]; do
  place=$1
  shift
  case $1 in
  +*)
    "$mount" -n -t tmpfs -o nosuid,nodev,noexec,mode=0555,size=4k zeef-hidden /sys
    while case $1 in +*) ;; *) false ;; esac; do
      kept=\${1#+}
      shift
      inside=/sys\${kept#"$place"}
      if [ -d "$kept" ]; then mkdir -p "$inside"
      else
        mkdir -p "\${inside%/*}"
        : >"$inside"
      fi
      "$mount" -n --rbind "$kept" "$inside"
    done
    "$mount" -n -o remount,bind,ro /sys
    "$mount" -n --move /sys "$place"
    ;;
  *)
    if [ -d "$place" ]; then "$mount" -n -t tmpfs -o ro,nosuid,nodev,noexec,mode=0555,size=4k zeef-hidden "$place"
    elif [ -e "$place" ]; then "$mount" -n --bind /dev/null "$place"
    fi
    ;;
  esac
done
shift
# A folder that is covered can still be reached as the working folder.
cd /
exec "$@"`;

/**
 * It succeeds where the layers are in force and the decoder can be read. Of mounts at one place the last is seen.
 * Arguments: `yes` or `no` for no new privileges, for a user namespace, for process ids of its own, and for nothing writable;
 * the user's id outside of the namespace, or ''; Node; the decoder's file; hidden paths as above.
 */
export const TRIAL = `[ -x "$6" ] && [ -r "$7" ] || exit 1
while read -r name value rest; do
  case $1$name$value in yesNoNewPrivs:0) exit 2 ;; esac
  case $2$name$value in yesCapEff:*[1-9a-f]*) exit 3 ;; esac
  if [ "$name" = Uid: ]; then user=$value; fi
done </proc/self/status
if [ "$2" = yes ]; then read -r inside user rest </proc/self/uid_map; fi
[ -z "$5" ] || [ "$5" = "$user" ] || exit 5
read -r pid rest </proc/self/stat
[ "$3" = no ] || [ "$pid" = 1 ] || exit 6
writable='|'
while [ "$4" = yes ] && read -r id parent device root place options rest; do
  case $place in /proc | /proc/*) continue ;; esac
  case $options:$writable in
  ro:*"|$place|"* | ro,*:*"|$place|"*) writable=\${writable%%"|$place|"*}"|"\${writable#*"|$place|"} ;;
  ro:* | ro,*:* | *"|$place|"*) ;;
  *) if [ -e "$(printf %b "$place")" ]; then writable=$writable$place'|'; fi ;;
  esac
done </proc/self/mountinfo
[ "$writable" = '|' ] || exit 7
shift 7
while [ $# -gt 0 ]; do
  place=$1
  shift
  kept=
  while case $1 in +*) ;; *) false ;; esac; do
    kept="$kept|\${1#+}/"
    shift
  done
  if [ -d "$place" ]; then
    for inside in "$place"/* "$place"/.[!.]*; do
      [ ! -e "$inside" ] || case $kept in *"|$inside/"*) ;; *) exit 4 ;; esac
    done
  else [ ! -s "$place" ] || exit 4
  fi
done`;
