"""Dumps for tests: the lines that mysqldump 5.7 and 8.0 and mariadb-dump write, around rows of the test's own."""

from __future__ import annotations

_SETTINGS = """\
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
"""

MYSQL_8_HEAD = f"""\
-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: dreamfactory
-- ------------------------------------------------------
-- Server version\t8.0.36

{_SETTINGS}"""

MYSQL_57_HEAD = MYSQL_8_HEAD.replace("8.0.36", "5.7.44-log")

MARIADB_HEAD = f"""\
/*M!999999\\- enable the sandbox mode */\x20
-- MariaDB dump 10.19-11.4.5-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: dreamfactory
-- ------------------------------------------------------
-- Server version\t11.4.5-MariaDB-deb12

{_SETTINGS}"""

GTID = """\
SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;
SET @@SESSION.SQL_LOG_BIN= 0;

--
-- GTID state at the beginning of the backup\x20
--

SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '19b4a178-b213-11f0-a14d-12a03b378155:1-70,
6b6cfbde-b07f-11f0-85fa-3a18d442e117:1-66,
d602fc22-b148-11f0-aca8-e6eb8c86dbbd:1-68';
"""

DATABASES = """\
--
-- Current Database: `dreamfactory`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `dreamfactory` /*!40100 DEFAULT CHARACTER SET utf8mb4 */ /*!80016 DEFAULT ENCRYPTION='N' */;

USE `dreamfactory`;
"""

TRIGGER = """\
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
/*!50003 SET character_set_client  = utf8mb4 */ ;
/*!50003 SET collation_connection  = utf8mb4_0900_ai_ci */ ;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,TIME_TRUNCATE_FRACTIONAL' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`old`@`%`*/ /*!50003 TRIGGER `filled` BEFORE INSERT ON `hostile`
FOR EACH ROW BEGIN
/*
CREATE DEFINER=`in`@`comment` PROCEDURE
CREATE DATABASE `in comment`;
USE `in comment`;
INSERT INTO x VALUES ('DEFINER=`a`@`b`');
*/
  IF NEW.`note` IS NULL THEN SET NEW.`note` = 'DEFINER=`x`@`y`'; END IF;
END */;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
"""

ROUTINE = """\
DELIMITER ;;
CREATE DEFINER=`old`@`%` PROCEDURE `count_hostile`()
BEGIN
SELECT COUNT(*) FROM `hostile`;
END ;;
DELIMITER ;
"""

VIEW = """\
/*!50001 DROP VIEW IF EXISTS `seen`*/;
/*!50001 SET collation_connection      = utf8mb4_0900_ai_ci */;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `seen` AS select `hostile`.`id` AS `id` from `hostile` */;
"""

TAIL = """\
SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;

-- Dump completed on 2026-11-28 12:00:00
"""

WORDS = (
    "SET @@GLOBAL.GTID_PURGED='x';",
    "USE `other`;",
    "CREATE DATABASE x;",
    ") ENGINE=Aria COLLATE=utf8mb4_0900_ai_ci",
    "  `t` varchar(9) COLLATE utf8mb4_0900_ai_ci,",
    "/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */",
    "CREATE DEFINER=`a`@`b` PROCEDURE",
    "/*!50003 SET sql_mode              = 'NO_AUTO_CREATE_USER' */ ;",
    "/*M!999999\\- enable the sandbox mode */",
    "  KEY `k` (`id`) /*!80000 INVISIBLE */",
    "DELIMITER ;;",
    "DELIMITER ;",
    "ALTER DATABASE `x` CHARACTER SET utf8 COLLATE utf8_general_ci ;",
    "SET transaction_timeout = 0;",
    "SET default_table_access_method = heap;",
    "COPY x FROM stdin;",
    "\\.",
    "-- Name: x; Type: TABLE",
)
"""What rows may hold: the very lines that are edited elsewhere."""

KIND = "`kind` enum('a','b COLLATE utf8mb4_0900_ai_ci') CHARACTER SET utf8mb4"


def escaped(text: str) -> str:
    """A value as MySQL's client library writes it between quotes (mysql_real_escape_string)."""
    for raw, written in (
        ("\\", "\\\\"),
        ("'", "\\'"),
        ('"', '\\"'),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\0", "\\0"),
    ):
        text = text.replace(raw, written)
    return text.replace("\x1a", "\\Z")


def table(values: tuple[str, ...], *, broken: bool = False) -> str:
    """A table as MySQL 8 describes it, with its rows in one statement, or (`broken`) each on a line as newer MariaDB has them."""
    rows = [f"({number},'{escaped(value)}',NULL)" for number, value in enumerate(values, 1)]
    between = ",\n" if broken else ","
    insert = (
        f"INSERT INTO `hostile` VALUES {chr(10) if broken else ''}{between.join(rows)};\n" if rows else ""
    )
    return f"""\
DROP TABLE IF EXISTS `hostile`;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `hostile` (
  `id` int NOT NULL,
  `note` longtext COLLATE utf8mb4_0900_ai_ci,
  {KIND} COLLATE utf8mb4_0900_as_cs DEFAULT NULL COMMENT 'not a COLLATE nonsense_ci',
  `born` timestamp NOT NULL DEFAULT '0000-00-00 00:00:00',
  PRIMARY KEY (`id`),
  KEY `k` (`id`) /*!80000 INVISIBLE */,
  KEY `k2` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='it''s COLLATE=utf8mb4_0900_ai_ci';

LOCK TABLES `hostile` WRITE;
{insert}UNLOCK TABLES;
"""
