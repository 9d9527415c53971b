window.admin = "app";
