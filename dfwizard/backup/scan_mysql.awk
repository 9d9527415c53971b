# One pass over a dump of mysqldump or mariadb-dump: what another server may not understand, counted by kind and name.
#
# Answers lines of four fields with tabs between them: kind, how often, the first line's number, a name ("" for kinds that
# have none). Rows are passed over: a line of data begins with INSERT, REPLACE or `(`, for both programs write line ends
# inside values as \n. Of the code of triggers, routines and events only the line that begins each statement is read.
# For any POSIX awk: no intervals in expressions, and no field is asked for, so that long lines are not split.

function found(kind, name) {
    gsub(/[^ -~]/, "?", name)
    name = substr(name, 1, 100)
    if (!((kind, name) in count)) {
        if (distinct[kind] >= 200)
            return
        distinct[kind]++
        line[kind, name] = NR
    }
    count[kind, name]++
}

function without_texts(text) {
    gsub(/'([^'\\]|\\.|'')*'/, "''", text)
    return text
}

function collations(kind, text,    name) {
    while (match(text, /(COLLATE|collate)[ =][A-Za-z0-9_]+/)) {
        name = tolower(substr(text, RSTART + 8, RLENGTH - 8))
        found(kind, name)
        text = substr(text, RSTART + RLENGTH)
    }
}

function first_match(text, pattern, skip) {
    return match(text, pattern) ? substr(text, RSTART + skip, RLENGTH - skip) : ""
}

function modes(text,    list, number, i) {
    sub(/^[^']*'/, "", text)
    sub(/'.*$/, "", text)
    number = split(text, list, ",")
    for (i = 1; i <= number; i++)
        found("sql-mode", list[i])
}

function column(text,    type) {
    if (text ~ / DEFAULT '0000-00-00/)
        found("zero-default", "")
    text = without_texts(text)
    collations("collation", text)
    if (text ~ / GENERATED ALWAYS AS ROW (START|END)/)
        found("system-versioning", table)
    else if (text ~ / AS \(.*\) PERSISTENT/)
        found("persistent", table)
    if (text ~ / \/\*!80003 SRID [0-9]+ \*\//)
        found("srid", table)
    if (text ~ / INVISIBLE/)
        found("invisible-column", table)
    type = first_match(text, "^  `[^`]*` (uuid|inet4|inet6|vector)[ ,(]", 0)
    if (type != "") {
        sub(/^  `[^`]*` /, "", type)
        sub(/[ ,(]$/, "", type)
        found("type", type)
    }
}

function options(text) {
    text = without_texts(text)
    collations("collation", text)
    type = first_match(text, " ENGINE=[A-Za-z0-9_]+", 8)
    if (type != "" && type != "InnoDB")
        found("engine", type)
    type = first_match(text, " ROW_FORMAT=[A-Z0-9_]+", 12)
    if (type != "")
        found("row-format", type)
    if (text ~ / WITH SYSTEM VERSIONING/)
        found("system-versioning", table)
    if (text ~ / (`?ENCRYPTED`?|ENCRYPTION|`?PAGE_COMPRESSED`?|SECONDARY_ENGINE)=/)
        found("table-option", table)
}

/^(INSERT|REPLACE|\()/ {
    size = (substr($0, 1, 1) == "(" ? size : 0) + length($0) + 1
    if (size > longest)
        longest = size
    if (index($0, "'0000-00-00"))
        found("zero-rows", "")
    last = ""
    next
}

$0 != "" { last = $0 }

/^DELIMITER / {
    code = ($0 != "DELIMITER ;")
    begins = 1
    next
}

code {
    if (begins) {
        if ($0 ~ /^\/\*!50003 SET sql_mode +=/)
            modes($0)
        else if ($0 ~ /^\/\*!5000[13] SET collation_connection +=/)
            found("collation", tolower(first_match($0, "= *[A-Za-z0-9_]+", 2)))
        else if ($0 ~ /^(CREATE |\/\*!50003 CREATE|\/\*!50106 CREATE)/) {
            if ($0 ~ /DEFINER=/)
                found("definer", first_match($0, "DEFINER=`([^`]|``)*`(@`([^`]|``)*`)?", 8))
            collations("collation-code", without_texts($0))
        }
    }
    begins = ($0 ~ /;;$/)
    next
}

NR == 1 && /^\/\*M?!999999\\- enable the sandbox mode \*\// { found("sandbox", "") }
NR <= 60 && /^-- (MySQL|MariaDB) dump / { found("program", substr($0, 4)) }
NR <= 60 && /^-- Server version/ { sub(/^-- Server version[ \t]*/, ""); found("server", $0) }
/^(USE|use) / { found("use", first_match($0, "`.*`|[^ ;`]+;", 0)) }
/^CREATE DATABASE / { found("create-database", "") }
/^\/\*!40000 DROP DATABASE / { found("drop-database", "") }
/^ALTER DATABASE / { found("alter-database", "") }
/^SET @@GLOBAL\.GTID_PURGED/ { found("gtid", "") }
/^SET @@SESSION\.SQL_LOG_BIN/ { found("log-bin", "") }
/^CHANGE (MASTER|REPLICATION SOURCE) TO / { found("replication", "") }
/^CREATE SEQUENCE / { found("sequence", first_match($0, "`[^`]*`", 0)) }
/^\/\*!50003 SET sql_mode +=/ { modes($0) }
/^\/\*!5000[13] SET collation_connection +=/ { found("collation", tolower(first_match($0, "= *[A-Za-z0-9_]+", 2))) }
/^\/\*!50013 DEFINER=/ { found("definer", first_match($0, "DEFINER=`([^`]|``)*`(@`([^`]|``)*`)?", 8)) }
/^\/\*!50001 (VIEW|CREATE)/ { collations("collation-code", without_texts($0)) }
/^CREATE TABLE / { table = first_match($0, "`[^`]*`", 0) }
/^  `/ { column($0) }
/^  (UNIQUE |FULLTEXT |SPATIAL )?KEY / {
    text = without_texts($0)
    if (text ~ / \/\*!80000 INVISIBLE \*\//)
        found("invisible-index", table)
    if (text ~ / IGNORED,?$/)
        found("ignored-index", table)
    if (text ~ /`[^`]*` \(\(|`[^`]*` \(.*,\(/)
        found("functional-index", table)
}
/^  PERIOD FOR SYSTEM_TIME / { found("system-versioning", table) }
/^  CONSTRAINT .* CHECK / && / NOT ENFORCED/ { found("not-enforced", table) }
/^\) / { options($0) }

END {
    if (last !~ /^-- Dump completed/)
        found("incomplete", "")
    for (key in count) {
        split(key, part, SUBSEP)
        printf "%s\t%d\t%d\t%s\n", part[1], count[key], line[key], part[2]
    }
    printf "longest\t%d\t0\t\n", longest
}
