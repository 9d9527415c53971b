"""The system database's migrations: what each creates or alters in SQLite, in Laravel's own SQL, and from which release on."""

from __future__ import annotations

TYPES = {
    "str": "varchar",
    "text": "text",
    "int": "integer",
    "bool": "tinyint(1)",
    "date": "datetime",
}


def create(table: str, columns: str) -> str:
    """Write `create table`; `columns` are `name:type`, with `?` for nullable and `=x` for a default, parted by blanks.

    `id` alone is an autoincrement key; `name:key` is an integer primary key; a `!` after the type makes the column unique.
    """
    return f'create table "{table}" ({", ".join(_column(one) for one in columns.split())})'


def _column(text: str) -> str:
    name, _, kind = text.partition(":")
    if name == "id":
        return '"id" integer primary key autoincrement not null'
    kind, _, default = kind.partition("=")
    if kind == "key":
        return f'"{name}" integer not null primary key'
    sql = f'"{name}" {TYPES[kind.rstrip("?!")]}'
    sql += "" if "?" in kind else " not null"
    sql += f" default '{default}'" if default else ""
    return sql + (" unique" if "!" in kind else "")


STAMPS = "created_date:date? last_modified_date:date? created_by_id:int? last_modified_by_id:int?"

_SYSTEM = (
    create(
        "user",
        "id name:str first_name:str? last_name:str? last_login_date:date? email:str! is_sys_admin:bool=0 is_active:bool=1 "
        "phone:str? security_question:str? security_answer:text? password:text? remember_token:str? confirm_code:str? "
        f"username:str? {STAMPS}",
    ),
    create("password_resets", "email:str token:str created_date:date?"),
    create(
        "service",
        f"id name:str! label:str description:str? is_active:bool=0 type:str mutable:bool=1 deletable:bool=1 {STAMPS}",
    ),
    create("service_doc", f"service_id:key format:int=0 content:text? {STAMPS}"),
    create("service_cache_config", "service_id:key cache_enabled:bool=0 cache_ttl:int=0"),
    create("file_service_config", "service_id:key public_path:text? container:text?"),
    create("role", f"id name:str! description:str? is_active:bool=1 {STAMPS}"),
    create(
        "role_service_access",
        "id role_id:int service_id:int? component:str? verb_mask:int=0 requestor_mask:int=0 filters:text? filter_op:str=and "
        + STAMPS,
    ),
    create("email_template", f"id name:str! description:str? to:text? subject:str? body_text:text? {STAMPS}"),
    create("cors_config", f"id path:str origin:str header:text? method:int=0 max_age:int=0 {STAMPS}"),
    create(
        "app",
        "id name:str! api_key:str? description:str? is_active:bool=0 type:int=0 path:text? url:text? role_id:int? "
        + STAMPS,
    ),
    create("user_to_app_to_role", "id user_id:int app_id:int role_id:int"),
    create("token_map", "user_id:int token:text iat:int exp:int"),
    create("system_config", "service_id:key default_app_id:int? invite_email_service_id:int?"),
    create("system_custom", f"name:str! value:text? {STAMPS}"),
    create(
        "lookup",
        "id app_id:int? role_id:int? user_id:int? name:str value:text? private:bool=0 description:text? "
        f"allow_user_update:bool=0 {STAMPS}",
    ),
    create(
        "jobs",
        "id queue:str payload:text attempts:int reserved_at:int? available_at:int created_at:int",
    ),
    create("failed_jobs", "id connection:text queue:text payload:text exception:text? failed_at:date?"),
    create("app_role_map", "service_id:int? app_id:int role_id:int"),
    create("service_event_map", "id service_id:int? event:str data:text?"),
)

_EXTRAS = (
    create(
        "db_table_extras",
        f"id service_id:int table:str label:str? name_field:str? description:text? {STAMPS}",
    ),
    create("db_field_extras", f"id service_id:int table:str field:str label:str? description:text? {STAMPS}"),
    create("db_relationship_extras", "id service_id:int table:str relationship:str label:str?"),
    create("db_virtual_relationship", "id type:str service_id:int table:str field:str ref_table:str?"),
)

Migration = tuple[str, str, tuple[int, ...], tuple[str, ...]]

MIGRATIONS: tuple[Migration, ...] = (
    ("2015_01_27_190908_create_system_tables", "dreamfactory/df-core", (4,), _SYSTEM),
    ("2015_01_27_190909_create_db_extras_tables", "dreamfactory/df-database", (4,), _EXTRAS),
    (
        "2015_01_27_190909_create_email_tables",
        "dreamfactory/df-email",
        (4,),
        (
            create(
                "smtp_config",
                "service_id:key host:str port:str=587 encryption:text=tls username:text? password:text?",
            ),
            create("cloud_email_config", "service_id:key domain:str? key:text?"),
            create("email_parameters_config", "id service_id:int name:str value:text? active:bool=1"),
        ),
    ),
    (
        "2015_02_03_161456_create_sqldb_tables",
        "dreamfactory/df-sqldb",
        (4,),
        (create("sql_db_config", "service_id:key connection:text? options:text? attributes:text?"),),
    ),
    (
        "2015_03_11_143913_create_rackspace_tables",
        "dreamfactory/df-rackspace",
        (4,),
        (create("rackspace_config", "service_id:key username:str? password:text? url:str? region:str?"),),
    ),
    (
        "2015_05_08_143450_create_oauth_tables",
        "dreamfactory/df-oauth",
        (4,),
        (
            create(
                "oauth_config",
                "service_id:key default_role:int? client_id:str client_secret:text redirect_url:str icon_class:str?",
            ),
            create("oauth_token_map", "user_id:int service_id:int token:text? response:text?"),
        ),
    ),
    (
        "2015_05_13_200342_create_rws_tables",
        "dreamfactory/df-rws",
        (4,),
        (
            create("rws_config", "service_id:key base_url:text options:text? replace_link:bool=0"),
            create("rws_headers_config", "id service_id:int name:str value:text? pass_from_client:bool=0"),
        ),
    ),
    (
        "2015_05_13_210401_create_aws_tables",
        "dreamfactory/df-aws",
        (4,),
        (create("aws_config", "service_id:key key:text? secret:text?"),),
    ),
    (
        "2015_11_18_191233_create_cache_config_tables",
        "dreamfactory/df-cache",
        (4,),
        (
            create("redis_config", "service_id:key host:str port:int? password:text? database_index:int=0"),
            create("memcached_config", "service_id:key host:str port:int? username:text? password:text?"),
            create("local_cache_config", "service_id:key store:str=file"),
        ),
    ),
    (
        "2016_03_02_180311_create_user_config_table",
        "dreamfactory/df-user",
        (4,),
        (
            create(
                "user_config",
                "service_id:key allow_open_registration:bool=0 open_reg_role_id:int? open_reg_email_service_id:int?",
            ),
            create("user_custom", f"id user_id:int name:str value:text? {STAMPS}"),
        ),
    ),
    (
        "2016_05_11_134231_remove_service_and_script_type",
        "dreamfactory/df-core",
        (4,),
        ('create index "service_type_index" on "service" ("type")',),
    ),
    (
        "2017_11_20_142118_update_user_config_table_for_external_auth_support",
        "dreamfactory/df-user",
        (4,),
        ('alter table "user_config" add column "alt_auth_db_service_id" integer',),
    ),
    (
        "2018_01_23_154939_remote_implements_access_list",
        "dreamfactory/df-rws",
        (4,),
        ('alter table "rws_config" add column "implements_access_list" tinyint(1) not null default \'0\'',),
    ),
    (
        "2019_10_21_083908_add_region_endpoint_field",
        "dreamfactory/df-aws",
        (4,),
        ('alter table "aws_config" add column "region" varchar',),
    ),
    (
        "2020_03_02_121555_create_instance_id_table",
        "dreamfactory/df-core",
        (4, 1),
        (create("instance_id", "id instance_id:str"),),
    ),
    (
        "2021_01_11_143453_heroku_addon_sso_tables",
        "dreamfactory/df-oauth",
        (4, 7),
        (
            create("heroku_addon_sso", "service_id:key secret:text"),
            create("heroku_users_map", "user_id:int heroku_user_id:str"),
        ),
    ),
    (
        "2023_01_13_031401_remote_implement_forward_slash",
        "dreamfactory/df-rws",
        (4, 14),
        ('alter table "rws_config" add column "no_forward_slash" tinyint(1) not null default \'0\'',),
    ),
    (
        # These four come with a licence; an installation that once had one keeps the tables, with their rows.
        "2015_01_27_190909_create_script_tables",
        "dreamfactory/df-script",
        (4,),
        (
            create(
                "event_script",
                "name:str! type:str is_active:bool=0 content:text? config:text? allow_event_modification:bool=0 "
                + STAMPS,
            ),
            create("script_config", "service_id:key content:text? config:text? queued:bool=0"),
        ),
    ),
    (
        "2017_02_16_100000_create_limits_table",
        "dreamfactory/df-limits",
        (4,),
        (
            create(
                "limits",
                f"id type:str key_text:str! rate:int period:int name:str is_active:bool=1 {STAMPS}",
            ),
        ),
    ),
    (
        "2019_11_06_120449_create_scheduler_tasks_table",
        "dreamfactory/df-scheduler",
        (4,),
        (
            create(
                "scheduler_tasks",
                "id name:str! description:str? is_active:bool=1 service_id:int component:str? verb_mask:int=1 frequency:int "
                + STAMPS,
            ),
        ),
    ),
    (
        "2019_11_29_105505_create_task_log_table",
        "dreamfactory/df-scheduler",
        (4,),
        (create("task_log", "id task_id:int status_code:int content:text? created_date:date?"),),
    ),
    (
        "2017_05_18_015040_create_mqtt_config_table",
        "dreamfactory/df-mqtt",
        (7, 0, 1),
        (
            create(
                "mqtt_config",
                "service_id:key host:str port:int client_id:str username:str? password:text? use_tls:bool=0 capath:str?",
            ),
        ),
    ),
    (
        "2017_11_29_022125_create_amqp_config_table",
        "dreamfactory/df-amqp",
        (7, 0, 1),
        (
            create(
                "amqp_config",
                "service_id:key host:str port:int=5672 username:str password:text vhost:str? queue:text?",
            ),
        ),
    ),
    (
        "2024_11_15_000000_create_local_email_config_table",
        "dreamfactory/df-email",
        (7, 0, 1),
        (create("local_email_config", "service_id:key command:str? parameters:text?"),),
    ),
    (
        "2025_10_07_201618_add_allow_new_users_to_oauth_config",
        "dreamfactory/df-oauth",
        (7, 4),
        ('alter table "oauth_config" add column "allow_new_users" tinyint(1) not null default \'1\'',),
    ),
    (
        "2026_02_05_000000_add_google_group_role_mapping",
        "dreamfactory/df-oauth",
        (7, 4, 2),
        (create("role_google", "id role_id:int group_email:str!"),),
    ),
    (
        "2026_05_13_000001_create_api_builder_tables",
        "dreamfactory/df-api-builder",
        (7, 7),
        (
            create("api_builder_api", f"id name:str! label:str? {STAMPS}"),
            create("api_builder_endpoint", "id api_id:int verb:str path:str definition:text?"),
        ),
    ),
    (
        "2026_06_11_000001_create_api_builder_service",
        "dreamfactory/df-api-builder",
        (7, 7),
        (
            (
                "insert into service (name, label, description, is_active, type, mutable, deletable) values "
                "('api_builder', 'API Builder', 'Service for building APIs.', 1, 'api_builder', 0, 0)"
            ),
        ),
    ),
)


def of_release(version: tuple[int, ...]) -> list[Migration]:
    """Give the migrations that a release brings, in the order of their names."""
    return sorted(one for one in MIGRATIONS if one[2] <= version)


def file_text(migration: Migration) -> str:
    """Write the PHP file of a migration, as far as it matters here: its statements stand in it."""
    name, _, _, statements = migration
    title = "".join(word.capitalize() for word in name.split("_")[4:])
    body = "\n".join(f"        DB::statement({_quoted(statement)});" for statement in statements)
    return (
        "<?php\n\nuse Illuminate\\Database\\Migrations\\Migration;\nuse Illuminate\\Support\\Facades\\DB;\n\n"
        f"class {title} extends Migration\n{{\n    public function up()\n    {{\n{body}\n    }}\n}}\n"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
